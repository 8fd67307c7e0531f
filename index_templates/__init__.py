"""Elasticsearch index templates and saved queries."""
