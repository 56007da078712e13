"""Storage of objects: the adapters of `STORAGE__URL`, and the local directory."""
