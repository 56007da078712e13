"""Scanners of malware: the adapters of `SCANNER__URL`."""
