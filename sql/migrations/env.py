"""Alembic's entry: runs inside the transaction that ``sql.migrate`` opened."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    transactional_ddl=True,
    version_table="schema_version",
    version_table_schema=context.config.attributes["schema"],
)
context.run_migrations()
