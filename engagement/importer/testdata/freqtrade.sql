CREATE TABLE "KeyValueStore" (id INTEGER NOT NULL PRIMARY KEY, key VARCHAR(25) NOT NULL);
CREATE TABLE trades (
	id INTEGER NOT NULL, exchange VARCHAR(25) NOT NULL, pair VARCHAR(25) NOT NULL, base_currency VARCHAR(25), stake_currency VARCHAR(25),
	is_open BOOLEAN NOT NULL, fee_open FLOAT NOT NULL, fee_close FLOAT NOT NULL, open_rate FLOAT, close_rate FLOAT, close_profit FLOAT,
	close_profit_abs FLOAT, stake_amount FLOAT NOT NULL, amount FLOAT, open_date DATETIME NOT NULL, close_date DATETIME,
	exit_reason VARCHAR(255), strategy VARCHAR(100), enter_tag VARCHAR(255), funding_fees FLOAT, PRIMARY KEY (id)
);
INSERT INTO trades VALUES
	(1, 'binance', 'BTC/USDT', 'BTC', 'USDT', 0, 0.001, 0.001, 60000, 61000, 0.0146, 8.79, 600, 0.01, '2025-02-01 10:00:00.000000', '2025-02-01 15:30:00.123456', 'roi', 'Breakout', 'breakout_1h', 0),
	(2, 'binance', 'ETH/USDT', 'ETH', 'USDT', 0, 0.001, 0.001, 2500, 2400, -0.04, -3.14159265, 100, 0.04, '2025-02-02 10:00:00.000000', '2025-02-02 11:00:00.000000', 'stop_loss', 'Breakout', NULL, NULL),
	(3, 'binance', 'SOL/USDT', 'SOL', 'USDT', 1, 0.001, 0.001, 200, NULL, NULL, NULL, 100, 0.5, '2025-02-03 10:00:00.000000', NULL, NULL, 'Breakout', 'breakout_1h', NULL),
	(4, 'binance', 'SOL/USDT', 'SOL', 'USDT', 0, 0.001, 0.001, 200, 201, 0.001, 0.1, 100, 0.5, '2025-02-04 10:00:00.000000', '2025-02-04 11:00:00.000000', 'roi', 'Breakout', 'breakout_1h', NULL),
	(5, 'binance', 'SOL/USDT', 'SOL', 'USDT', 0, 0.001, 0.001, 200, 201, 0.001, NULL, 100, 0.5, '2025-02-04 10:00:00.000000', '2025-02-04 11:00:00.000000', 'roi', 'Breakout', 'breakout_1h', NULL);
