"""The pipeline of every message: trace → permission → retry → unit of work → handler. Commands with a key and jobs have one more stage."""
