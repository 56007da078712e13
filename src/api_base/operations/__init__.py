"""Operations of the command line: imports, the audit trail, events and jobs, the diagnosis."""
