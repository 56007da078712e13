"""What stands between an outbound adapter and what it depends on. Never on inbound traffic."""
