"""What every floor may use: configuration, errors, ports, types. Depends on no other floor."""
