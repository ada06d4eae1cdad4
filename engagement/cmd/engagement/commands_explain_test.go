package main

// explainingCommands explain figures, rank users and show their streaks.
var explainingCommands = []commandTest{
	{
		name: "explain user shows the days and trades of a P&L",
		args: "explain user 1 pnl --limit 1",
		text: `
user         1
pnl          1,100.50
sum of days  1,100.50
from facts   1,100.50

day              pnl
2026-01-30  1,150.75
2026-01-31    -50.25

trades                   trade  signal  outcome     P&L
2026-01-31 11:00:00 UTC  t2             loss     -50.25

There is more: repeat the command with --after CURSOR
`,
		json: `{
			"user_id": 1, "figure": "pnl", "value": 1100.5, "sum": 1100.5, "exact": true,
			"days": [{"day": "2026-01-30", "value": 1150.75}, {"day": "2026-01-31", "value": -50.25}],
			"horizon": "1970-01-02", "before_horizon": 0, "from_facts": 1100.5,
			"trades": [{"id": 2, "user_id": 1, "trade_id": "t2", "signal_id": "", "pnl": -50.25, "outcome": "loss", "closed_at": "2026-01-31T11:00:00Z"}]
		, "next": "CURSOR"}`,
	},
	{
		name: "explain user shows what a win rate is divided by",
		args: "explain user 1 win_rate --limit 1",
		text: `
user         1
win_rate     50.0%
sum of days  50.0%
from facts   50.0%

day         wins  decided
2026-01-30     1        1
2026-01-31     0        1

trades                   trade  signal  outcome     P&L
2026-01-31 11:00:00 UTC  t2             loss     -50.25

There is more: repeat the command with --after CURSOR
`,
		json: `{
			"user_id": 1, "figure": "win_rate", "value": 0.5, "sum": 0.5, "exact": true,
			"days": [{"day": "2026-01-30", "value": 1, "decided": 1}, {"day": "2026-01-31", "value": 0, "decided": 1}],
			"horizon": "1970-01-02", "before_horizon": 0, "from_facts": 0.5,
			"trades": [{"id": 2, "user_id": 1, "trade_id": "t2", "signal_id": "", "pnl": -50.25, "outcome": "loss", "closed_at": "2026-01-31T11:00:00Z"}]
		, "next": "CURSOR"}`,
	},
	{
		name: "explain user shows the days and signals of fires",
		args: "explain user -7 total_fires",
		text: `
user         -7
total_fires  1
sum of days  1
from facts   1

day         total_fires
2025-12-02            1

fires                    signal           executed
2025-12-02 12:00:00 UTC  EURUSD_LONG_001  yes
`,
		json: `{
			"user_id": -7, "figure": "total_fires", "value": 1, "sum": 1, "exact": true,
			"days": [{"day": "2025-12-02", "value": 1}],
			"horizon": "1970-01-02", "before_horizon": 0, "from_facts": 1,
			"fires": [{"id": 1, "user_id": -7, "signal_id": "EURUSD_LONG_001", "timestamp": "2025-12-02T12:00:00Z", "executed": true}]
		}`,
	},
	{
		name: "explain signal shows the days and users of fires",
		args: "explain signal GBPUSD_001 executed",
		text: `
signal       GBPUSD_001
executed     0
sum of days  0
from facts   0

day  executed
`,
		json: `{
			"signal_id": "GBPUSD_001", "figure": "executed", "value": 0, "sum": 0, "exact": true, "days": [],
			"horizon": "1970-01-02", "before_horizon": 0, "from_facts": 0
		}`,
	},
	{
		name: "leaderboard goes by fires unless told",
		args: "leaderboard --limit 2",
		text: `
rank  user  fires  executed  streak  wins  losses  draws  win rate  bound       P&L
   1     1      3         2       3     1       1      0     50.0%   9.5%  1,100.50
   2    -7      1         1       1     0       0      0      0.0%   0.0%      0.00

There is more: repeat the command with --after CURSOR
`,
		json: `{"items": [
			{"rank": 1, "user_id": 1, "total_fires": 3, "executed": 2, "wins": 1, "losses": 1, "draws": 0, "decided": 2,
			 "win_rate": 0.5, "win_rate_bound": 0.09453120573423071, "pnl": 1100.5, "longest_streak": 3, "last_updated": "2026-01-31T12:00:00Z"},
			{"rank": 2, "user_id": -7, "total_fires": 1, "executed": 1, "wins": 0, "losses": 0, "draws": 0, "decided": 0,
			 "win_rate": 0, "win_rate_bound": 0, "pnl": 0, "longest_streak": 1, "last_updated": "2026-01-31T12:00:00Z"}
		], "next": "CURSOR"}`,
	},
	{
		name: "leaderboard goes by P&L",
		args: "leaderboard pnl --limit 1",
		text: `
rank  user  fires  executed  streak  wins  losses  draws  win rate  bound       P&L
   1     1      3         2       3     1       1      0     50.0%   9.5%  1,100.50

There is more: repeat the command with --after CURSOR
`,
		json: `{"items": [{"rank": 1, "user_id": 1, "total_fires": 3, "executed": 2, "wins": 1, "losses": 1, "draws": 0, "decided": 2,
			 "win_rate": 0.5, "win_rate_bound": 0.09453120573423071, "pnl": 1100.5, "longest_streak": 3, "last_updated": "2026-01-31T12:00:00Z"}], "next": "CURSOR"}`,
	},
	{
		name: "leaderboard goes by win rate, of a few users",
		args: "leaderboard --ranking win_rate --min-decided 2 --users -7,1,2",
		text: `
rank  user  fires  executed  streak  wins  losses  draws  win rate  bound       P&L
   1     1      3         2       3     1       1      0     50.0%   9.5%  1,100.50
`,
		json: `{"items": [{"rank": 1, "user_id": 1, "total_fires": 3, "executed": 2, "wins": 1, "losses": 1, "draws": 0, "decided": 2,
			 "win_rate": 0.5, "win_rate_bound": 0.09453120573423071, "pnl": 1100.5, "longest_streak": 3, "last_updated": "2026-01-31T12:00:00Z"}]}`,
	},
	{
		name: "leaderboard of a window counts what is in it",
		args: "leaderboard --window today",
		text: `
2026-01-31

rank  user  fires  executed  streak  wins  losses  draws  win rate  bound     P&L
   1     1      1         0       1     0       1      0      0.0%   0.0%  -50.25
   1     2      1         1       1     0       0      1      0.0%   0.0%    0.00
`,
		json: `{"items": [
			{"rank": 1, "user_id": 1, "total_fires": 1, "executed": 0, "wins": 0, "losses": 1, "draws": 0, "decided": 1,
			 "win_rate": 0, "win_rate_bound": 0, "pnl": -50.25, "longest_streak": 1, "last_updated": "2026-01-31T12:00:00Z"},
			{"rank": 1, "user_id": 2, "total_fires": 1, "executed": 1, "wins": 0, "losses": 0, "draws": 1, "decided": 0,
			 "win_rate": 0, "win_rate_bound": 0, "pnl": 0, "longest_streak": 1, "last_updated": "2026-01-31T12:00:00Z"}
		]}`,
	},
	{
		name: "leaderboard shows who is around a user",
		args: "leaderboard --around 2 --limit 1",
		text: `
rank  user  fires  executed  streak  wins  losses  draws  win rate  bound   P&L
   2    -7      1         1       1     0       0      0      0.0%   0.0%  0.00
   2     2      1         1       1     0       0      1      0.0%   0.0%  0.00
`,
		json: `{"items": [
			{"rank": 2, "user_id": -7, "total_fires": 1, "executed": 1, "wins": 0, "losses": 0, "draws": 0, "decided": 0,
			 "win_rate": 0, "win_rate_bound": 0, "pnl": 0, "longest_streak": 1, "last_updated": "2026-01-31T12:00:00Z"},
			{"rank": 2, "user_id": 2, "total_fires": 1, "executed": 1, "wins": 0, "losses": 0, "draws": 1, "decided": 0,
			 "win_rate": 0, "win_rate_bound": 0, "pnl": 0, "longest_streak": 1, "last_updated": "2026-01-31T12:00:00Z"}
		]}`,
	},
	{
		name: "rank shows a user's place on every leaderboard",
		args: "rank 1 --window month",
		text: `
2026-01-01 to 2026-01-31

leaderboard     rank  with
total_fires     1     3
win_rate        none
pnl             1     1,100.50
executed        1     2
longest_streak  1     3 days
`,
		json: `{
			"total_fires": {"rank": 1, "user_id": 1, "total_fires": 3, "executed": 2, "wins": 1, "losses": 1, "draws": 0, "decided": 2,
			 "win_rate": 0.5, "win_rate_bound": 0.09453120573423071, "pnl": 1100.5, "longest_streak": 3, "last_updated": "2026-01-31T12:00:00Z"},
			"pnl": {"rank": 1, "user_id": 1, "total_fires": 3, "executed": 2, "wins": 1, "losses": 1, "draws": 0, "decided": 2,
			 "win_rate": 0.5, "win_rate_bound": 0.09453120573423071, "pnl": 1100.5, "longest_streak": 3, "last_updated": "2026-01-31T12:00:00Z"},
			"executed": {"rank": 1, "user_id": 1, "total_fires": 3, "executed": 2, "wins": 1, "losses": 1, "draws": 0, "decided": 2,
			 "win_rate": 0.5, "win_rate_bound": 0.09453120573423071, "pnl": 1100.5, "longest_streak": 3, "last_updated": "2026-01-31T12:00:00Z"},
			"longest_streak": {"rank": 1, "user_id": 1, "total_fires": 3, "executed": 2, "wins": 1, "losses": 1, "draws": 0, "decided": 2,
			 "win_rate": 0.5, "win_rate_bound": 0.09453120573423071, "pnl": 1100.5, "longest_streak": 3, "last_updated": "2026-01-31T12:00:00Z"},
			"win_rate": null
		}`,
	},
	{
		name: "versus compares two users",
		args: "versus 2 1",
		text: `
                2      1                          leads
total_fires     1      3                          1
win_rate        none   50.0% of 2, at least 9.5%  1
pnl             0.00   1,100.50                   1
executed        1      2                          1
longest_streak  1 day  3 days                     1

both fired 1 signal, of the fires kept since 1970-01-02
`,
		json: `{
			"a": {"user_id": 2, "total_fires": 1, "executed": 1, "wins": 0, "losses": 0, "draws": 1, "decided": 0,
			 "win_rate": 0, "win_rate_bound": 0, "pnl": 0, "longest_streak": 1, "last_updated": "2026-01-31T12:00:00Z"},
			"b": {"user_id": 1, "total_fires": 3, "executed": 2, "wins": 1, "losses": 1, "draws": 0, "decided": 2,
			 "win_rate": 0.5, "win_rate_bound": 0.09453120573423071, "pnl": 1100.5, "longest_streak": 3, "last_updated": "2026-01-31T12:00:00Z"},
			"leaders": {"total_fires": 1, "win_rate": 1, "pnl": 1, "executed": 1, "longest_streak": 1},
			"common_signals": 1, "horizon": "1970-01-02"
		}`,
	},
	{
		name: "leaderboard goes by streak",
		args: "leaderboard current_streak",
		text: `
rank  user  streak  longest  kept by firing before
   1     1       3        3  2026-02-02 00:00:00 UTC
   2     2       1        1  2026-02-02 00:00:00 UTC
`,
		json: `{"items": [
			{"rank": 1, "user_id": 1, "current_streak": 3, "longest_streak": 3, "streak_expires": "2026-02-02T00:00:00Z", "freezes": 0},
			{"rank": 2, "user_id": 2, "current_streak": 1, "longest_streak": 1, "streak_expires": "2026-02-02T00:00:00Z", "freezes": 0}
		]}`,
	},
	{
		name: "streak explains each day",
		args: "streak 1",
		text: `
user            1
streak          3 days, longest 3 days
kept by firing  before 2026-02-02 00:00:00 UTC
freezes         0 left

day         weekday   kind
2026-01-29  Thursday  active
2026-01-30  Friday    active
2026-01-31  Saturday  active

milestone  reached on  streak since
        3  2026-01-31  2026-01-29
`,
		json: `{
			"user_id": 1, "current_streak": 3, "longest_streak": 3, "streak_expires": "2026-02-02T00:00:00Z", "freezes": 0,
			"days": [
				{"day": "2026-01-29", "kind": "active"}, {"day": "2026-01-30", "kind": "active"}, {"day": "2026-01-31", "kind": "active"}
			],
			"awards": [{"milestone": 3, "streak_start": "2026-01-29", "day": "2026-01-31", "awarded_at": "2026-01-31T12:00:00Z"}],
			"granted_freezes": []
		}`,
	},
	{
		name: "streak rules shows the rules",
		args: "streak rules",
		text: "days of rest  none\nmilestones    3, 7, 14, 30, 60, 100, 180, 365\nfreeze cap    2\n",
		json: `{"rest_days": [], "milestones": [3, 7, 14, 30, 60, 100, 180, 365], "freeze_cap": 2}`,
	},
	{
		name: "streak rules sets what is named",
		args: "streak rules --rest sun,Saturday --milestones 5,10",
		text: "days of rest  Sunday, Saturday\nmilestones    5, 10\nfreeze cap    2\n",
		json: `{"rest_days": ["sunday", "saturday"], "milestones": [5, 10], "freeze_cap": 2}`,
	},
	{
		name: "streak rules can be none",
		args: "streak rules --rest none --milestones none --freeze-cap 0",
		text: "days of rest  none\nmilestones    none\nfreeze cap    0\n",
		json: `{"rest_days": [], "milestones": [], "freeze_cap": 0}`,
	},
	{
		name: "freeze grant grants a freeze",
		args: "freeze grant 1 g1",
		text: "recorded: freeze g1 of user 1\n",
		json: `{"user_id": 1, "grant_id": "g1", "status": "recorded"}`,
	},
	{
		name: "freeze grant takes a negative id",
		args: "freeze grant -7 g1",
		text: "recorded: freeze g1 of user -7\n",
		json: `{"user_id": -7, "grant_id": "g1", "status": "recorded"}`,
	},
}
