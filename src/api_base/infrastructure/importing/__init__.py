"""Files to import from, refused rows beside them, and the journal of an import."""
