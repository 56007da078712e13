"""JSON: values of known types, results of commands, and errors. Every adapter uses it."""
