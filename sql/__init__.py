"""The database: connections, the embedded server, migrations, engines and SQL functions."""
