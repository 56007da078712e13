"""What every use case runs on."""
