"""Thin FastAPI for people, n8n and programs. Routes parse, call one function, return a model."""
