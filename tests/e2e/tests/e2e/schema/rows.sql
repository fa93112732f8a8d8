INSERT INTO shops VALUES ('head', 'Paris'), ('branch1', 'Lyon'), ('branch2', 'Nice');
INSERT INTO prices SELECT n, '2024-06-01', n / 7.0 FROM generate_series(1, 50) n;
INSERT INTO old SELECT generate_series(1, 20);
