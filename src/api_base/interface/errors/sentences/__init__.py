"""The sentences of problems in other languages than English, one file for each: `<language>.toml`."""
