package main

// listingCommands answer with figures and lists.
var listingCommands = []commandTest{
	{
		name: "stats shows today",
		args: "stats",
		text: `
as of           2026-01-31 12:00:00 UTC
fires today     2
executed        1, 50.0%
active users    2
fires per user  1.00
most fired      EURUSD_LONG_001 (1)
`,
		json: `{
			"total_fires_today": 2, "executed_fires_today": 1, "active_users_today": 2,
			"most_fired_signal": {"signal_id": "EURUSD_LONG_001", "fire_count": 1},
			"avg_fires_per_user": 1, "execution_rate": 0.5,
			"day": "2026-01-31", "timestamp": "2026-01-31T12:00:00Z"
		}`,
	},
	{
		name: "user shows totals, streak and ranks",
		args: "user 1",
		text: `
user            1
fires           3, rank 1
executed        2, 66.7%, rank 1
last 7 days     3 fires
favorite        EURUSD_LONG (2)
trades          1 won, 1 lost, 0 drawn
win rate        50.0%, no rank
P&L             1,100.50, rank 1
streak          3 days, longest 3 days, rank 1
kept by firing  before 2026-02-02 00:00:00 UTC
last change     2026-01-31 12:00:00 UTC
`,
		json: `{
			"user_id": 1, "total_fires": 3, "wins": 1, "losses": 1, "draws": 0,
			"win_rate": 0.5, "pnl": 1100.5, "last_updated": "2026-01-31T12:00:00Z",
			"executed": 2, "execution_rate": 0.6666666666666666, "recent_fires_7d": 3,
			"favorite_signal": {"signal_id": "EURUSD_LONG", "fire_count": 2},
			"current_streak": 3, "longest_streak": 3, "streak_expires": "2026-02-02T00:00:00Z",
			"timestamp": "2026-01-31T12:00:00Z",
			"ranks": {"total_fires": 1, "pnl": 1, "executed": 1, "longest_streak": 1}
		}`,
	},
	{
		name: "user tells of a broken streak",
		args: "user -7",
		text: `
user         -7
fires        1, rank 2
executed     1, 100.0%, rank 2
last 7 days  0 fires
favorite     EURUSD_LONG (1)
trades       0 won, 0 lost, 0 drawn
win rate     0.0%, no rank
P&L          0.00, rank 2
streak       0 days, longest 1 day, rank 2
last change  2026-01-31 12:00:00 UTC
`,
		json: `{
			"user_id": -7, "total_fires": 1, "wins": 0, "losses": 0, "draws": 0,
			"win_rate": 0, "pnl": 0, "last_updated": "2026-01-31T12:00:00Z",
			"executed": 1, "execution_rate": 1, "recent_fires_7d": 0,
			"favorite_signal": {"signal_id": "EURUSD_LONG", "fire_count": 1},
			"current_streak": 0, "longest_streak": 1, "streak_expires": null,
			"timestamp": "2026-01-31T12:00:00Z",
			"ranks": {"total_fires": 2, "pnl": 2, "executed": 2, "longest_streak": 2}
		}`,
	},
	{
		name: "quality shows what a user's trades were worth",
		args: "quality 1 --balance 100 --equity --window week",
		text: `
of             user 1, 2026-01-26 to 2026-02-01
trades         2: 1 won, 1 lost, 0 drawn
win rate       50.0%
P&L            1,100.50
profit factor  22.90
expectancy     550.25
average win    1,150.75
average loss   -50.25
best           1,150.75, trade t1 of user 1
worst          -50.25, trade t2 of user 1
current run    1 loss
max drawdown   50.25 from 1,150.75, 4.0% of the account

day              P&L  cumulative
2026-01-30  1,150.75    1,150.75
2026-01-31    -50.25    1,100.50
`,
		json: `{
			"user_id": 1, "trades": 2, "wins": 1, "losses": 1, "draws": 0, "win_rate": 0.5,
			"pnl": 1100.5, "carried_pnl": 0, "wins_pnl": 1150.75, "losses_pnl": -50.25,
			"profit_factor": 22.90049751243781, "expectancy": 550.25, "average_win": 1150.75, "average_loss": -50.25,
			"best": {
				"id": 1, "user_id": 1, "trade_id": "t1", "signal_id": "EURUSD_LONG_001", "pnl": 1150.75,
				"outcome": "win", "closed_at": "2026-01-30T12:00:00Z"
			},
			"worst": {
				"id": 2, "user_id": 1, "trade_id": "t2", "signal_id": "", "pnl": -50.25,
				"outcome": "loss", "closed_at": "2026-01-31T11:00:00Z"
			},
			"current_run": {"outcome": "loss", "length": 1},
			"max_drawdown": {"amount": 50.25, "peak": 1150.75, "share": 0.04017589446332201},
			"equity": [
				{"day": "2026-01-30", "pnl": 1150.75, "cumulative": 1150.75},
				{"day": "2026-01-31", "pnl": -50.25, "cumulative": 1100.5}
			]
		}`,
	},
	{
		name: "quality of nothing says so",
		args: "quality --signal GBPUSD_001",
		text: `
of             signal GBPUSD_001, all time
trades         0: 0 won, 0 lost, 0 drawn
win rate       none
P&L            0.00
profit factor  none
expectancy     none
average win    none
average loss   none
best           none
worst          none
current run    none
max drawdown   0.00 from 0.00
`,
		json: `{
			"signal_id": "GBPUSD_001", "trades": 0, "wins": 0, "losses": 0, "draws": 0, "win_rate": null,
			"pnl": 0, "carried_pnl": 0, "wins_pnl": 0, "losses_pnl": 0,
			"profit_factor": null, "expectancy": null, "average_win": null, "average_loss": null,
			"best": null, "worst": null, "current_run": null,
			"max_drawdown": {"amount": 0, "peak": 0, "share": null}, "equity": []
		}`,
	},
	{
		name: "signal shows its totals and latest fires",
		args: "signal EURUSD_LONG_001 --limit 2",
		text: `
signal      EURUSD_LONG_001
fires       3
executed    3, 100.0%
first fire  2025-12-02 12:00:00 UTC
last fire   2026-01-31 08:00:00 UTC
followed    half within 1392h0m0s, nine tenths within 1436h0m0s

latest fires             user  executed
2026-01-31 08:00:00 UTC     2  yes
2026-01-29 12:00:00 UTC     1  yes

There is more: repeat the command with --after CURSOR
`,
		json: `{
			"signal_id": "EURUSD_LONG_001", "total_fires": 3, "active_users": 3,
			"created_at": "2025-12-02T12:00:00Z",
			"insight": {
				"signal_id": "EURUSD_LONG_001", "fires": 3, "executed": 3, "execution_rate": 1,
				"horizon": "1970-01-02", "kept_fires": 3,
				"first_fire": "2025-12-02T12:00:00Z", "last_fire": "2026-01-31T08:00:00Z",
				"median_delay_seconds": 5011200, "p90_delay_seconds": 5169600
			},
			"latest_fires": [
				{"id": 5, "user_id": 2, "signal_id": "EURUSD_LONG_001", "timestamp": "2026-01-31T08:00:00Z", "executed": true},
				{"id": 2, "user_id": 1, "signal_id": "EURUSD_LONG_001", "timestamp": "2026-01-29T12:00:00Z", "executed": true}
			],
			"next": "CURSOR"
		}`,
	},
	{
		name: "popular shows those most fired ever",
		args: "popular --limit 1",
		text: `
all time

signal           fires  executed    rate
EURUSD_LONG_001      3         3  100.0%

There is more: repeat the command with --after CURSOR
`,
		json: `{"items": [{"signal_id": "EURUSD_LONG_001", "fires": 3, "executed": 3, "execution_rate": 1}], "next": "CURSOR"}`,
	},
	{
		name: "popular shows those most fired in a range of days",
		args: "popular --window 2026-01-30..2026-01-31 --limit 2",
		text: `
2026-01-30 to 2026-01-31

signal           fires  executed    rate
EURUSD_LONG_001      1         1  100.0%
EURUSD_LONG_002      1         1  100.0%

There is more: repeat the command with --after CURSOR
`,
		json: `{"items": [
			{"signal_id": "EURUSD_LONG_001", "fires": 1, "executed": 1, "execution_rate": 1},
			{"signal_id": "EURUSD_LONG_002", "fires": 1, "executed": 1, "execution_rate": 1}
		], "next": "CURSOR"}`,
	},
	{
		name: "signals lists all by id",
		args: "signals --limit 2",
		text: `
signal           fires  users  first fire
EURUSD_LONG_001      3      3  2025-12-02 12:00:00 UTC
EURUSD_LONG_002      1      1  2026-01-30 12:00:00 UTC

There is more: repeat the command with --after CURSOR
`,
		json: `{"items": [
			{"signal_id": "EURUSD_LONG_001", "total_fires": 3, "active_users": 3, "created_at": "2025-12-02T12:00:00Z"},
			{"signal_id": "EURUSD_LONG_002", "total_fires": 1, "active_users": 1, "created_at": "2026-01-30T12:00:00Z"}
		], "next": "CURSOR"}`,
	},
	{
		name: "users lists all by id",
		args: "users --limit 2",
		text: `
user  fires  executed  wins  losses  draws  win rate       P&L  last change
  -7      1         1     0       0      0      0.0%      0.00  2026-01-31 12:00:00 UTC
   1      3         2     1       1      0     50.0%  1,100.50  2026-01-31 12:00:00 UTC

There is more: repeat the command with --after CURSOR
`,
		json: `{"items": [
			{"user_id": -7, "total_fires": 1, "executed": 1, "wins": 0, "losses": 0, "draws": 0,
			 "win_rate": 0, "pnl": 0, "last_updated": "2026-01-31T12:00:00Z"},
			{"user_id": 1, "total_fires": 3, "executed": 2, "wins": 1, "losses": 1, "draws": 0,
			 "win_rate": 0.5, "pnl": 1100.5, "last_updated": "2026-01-31T12:00:00Z"}
		], "next": "CURSOR"}`,
	},
	{
		name: "fires lists the newest",
		args: "fires --limit 1",
		text: `
fired                    user  signal      executed
2026-01-31 09:00:00 UTC     1  GBPUSD_001  no

There is more: repeat the command with --after CURSOR
`,
		json: `{"items": [
			{"id": 4, "user_id": 1, "signal_id": "GBPUSD_001", "timestamp": "2026-01-31T09:00:00Z", "executed": false}
		], "next": "CURSOR"}`,
	},
	{
		name: "fires lists those of a user in a window",
		args: "fires --user 1 --window 2026-01-29..2026-01-30",
		text: `
2026-01-29 to 2026-01-30

fired                    user  signal           executed
2026-01-30 12:00:00 UTC     1  EURUSD_LONG_002  yes
2026-01-29 12:00:00 UTC     1  EURUSD_LONG_001  yes
`,
		json: `{"items": [
			{"id": 3, "user_id": 1, "signal_id": "EURUSD_LONG_002", "timestamp": "2026-01-30T12:00:00Z", "executed": true},
			{"id": 2, "user_id": 1, "signal_id": "EURUSD_LONG_001", "timestamp": "2026-01-29T12:00:00Z", "executed": true}
		]}`,
	},
	{
		name: "fires finds that of a user with a negative id for a signal",
		args: "fires --user -7 --signal EURUSD_LONG_001",
		text: `
fired                    user  signal           executed
2025-12-02 12:00:00 UTC    -7  EURUSD_LONG_001  yes
`,
		json: `{"items": [
			{"id": 1, "user_id": -7, "signal_id": "EURUSD_LONG_001", "timestamp": "2025-12-02T12:00:00Z", "executed": true}
		]}`,
	},
	{
		name: "trades lists the last closed",
		args: "trades --limit 2",
		text: `
closed                   user  trade  signal  outcome     P&L
2026-01-31 11:00:00 UTC     1  t2             loss     -50.25
2026-01-31 10:00:00 UTC     2  t1             draw       0.00

There is more: repeat the command with --after CURSOR
`,
		json: `{"items": [
			{"id": 2, "user_id": 1, "trade_id": "t2", "signal_id": "", "pnl": -50.25, "outcome": "loss", "closed_at": "2026-01-31T11:00:00Z"},
			{"id": 3, "user_id": 2, "trade_id": "t1", "signal_id": "", "pnl": 0, "outcome": "draw", "closed_at": "2026-01-31T10:00:00Z"}
		], "next": "CURSOR"}`,
	},
	{
		name: "trades lists those of a user that followed a signal and won",
		args: "trades --user 1 --signal EURUSD_LONG_001 --outcome win --window week",
		text: `
2026-01-26 to 2026-02-01

closed                   user  trade  signal           outcome       P&L
2026-01-30 12:00:00 UTC     1  t1     EURUSD_LONG_001  win      1,150.75
`,
		json: `{"items": [
			{"id": 1, "user_id": 1, "trade_id": "t1", "signal_id": "EURUSD_LONG_001", "pnl": 1150.75, "outcome": "win", "closed_at": "2026-01-30T12:00:00Z"}
		]}`,
	},
	{
		name: "trades of a day without any is an empty list",
		args: "trades --window 2026-01-01..2026-01-01",
		text: `
2026-01-01

closed  user  trade  signal  outcome  P&L
`,
		json: `{"items": []}`,
	},
}
