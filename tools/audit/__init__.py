"""Audits of judges: records, published data, treatments, planted judges, runs and cards."""
