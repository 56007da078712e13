"""The adapters of `SEARCH__URL` on Elasticsearch and OpenSearch."""
