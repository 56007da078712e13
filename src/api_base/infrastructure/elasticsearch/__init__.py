"""Search in Elasticsearch or OpenSearch (`SEARCH__URL=elasticsearch+http://…`, `opensearch+http://…`). See docs/search.md."""
