"""Airflow: when each stage runs; no logic."""
