"""Public descriptions of the events: the JSON Schema of each, and an AsyncAPI document of all."""
