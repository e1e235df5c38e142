"""Alembic's entry: runs inside the transaction that ``sql.migrate`` opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,
    version_table="schema_version",
)
context.run_migrations()
