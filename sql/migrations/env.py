"""Alembic's entry: runs inside the transaction that ``sql.migrate`` opened."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    transactional_ddl=True,
    version_table="schema_version",
    version_table_schema=connection.dialect.default_schema_name,
)
context.run_migrations()
