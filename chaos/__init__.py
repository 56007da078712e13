"""Kill processes of a running application under write load, and account for every write. See docs/chaos.md."""
