"""Storage of objects in S3, as of AWS, MinIO and other compatible servers."""
