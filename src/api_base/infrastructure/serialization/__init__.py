"""JSON: values of known types, results of commands, and errors. Plumbing, for every adapter."""
