-- What SQLite knows of its tables it is told by the migrations before; this one is PostgreSQL's.
SELECT 1;
