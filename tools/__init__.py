"""Tools that developers run on the repository. They are not part of the package."""
