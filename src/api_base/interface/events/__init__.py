"""What others may know of the events: the schema of each, and all of them as an AsyncAPI document."""
