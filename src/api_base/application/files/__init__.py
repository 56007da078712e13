"""Use cases of files. Uploads are in application/services/file_upload."""
