package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestEveryCommandAnswersPeopleAndPrograms(t *testing.T) {
	for _, tt := range []struct {
		name string
		args string
		text string
		json string
	}{
		{
			name: "a new fire is recorded",
			args: "fire 9 EURUSD_LONG_003 --executed --at 2026-01-31T10:00:00+02:00",
			text: "recorded: user 9 fired EURUSD_LONG_003\n",
			json: `{"user_id": 9, "signal_id": "EURUSD_LONG_003", "status": "recorded"}`,
		},
		{
			name: "a fire that is repeated with its execution is marked",
			args: "fire 1 GBPUSD_001 --executed",
			text: "marked as executed: user 1 fired GBPUSD_001\n",
			json: `{"user_id": 1, "signal_id": "GBPUSD_001", "status": "marked_executed"}`,
		},
		{
			name: "a repeated fire is a duplicate",
			args: "fire 1 EURUSD_LONG_001",
			text: "known already, nothing changed: user 1 fired EURUSD_LONG_001\n",
			json: `{"user_id": 1, "signal_id": "EURUSD_LONG_001", "status": "duplicate"}`,
		},
		{
			name: "a user with a negative id needs no special writing",
			args: "fire -100123 EURUSD_LONG_001",
			text: "recorded: user -100123 fired EURUSD_LONG_001\n",
			json: `{"user_id": -100123, "signal_id": "EURUSD_LONG_001", "status": "recorded"}`,
		},
		{
			name: "a loss needs no special writing",
			args: "trade 2 t9 -12.5 --signal EURUSD_LONG_001 --closed-at 2026-01-31T11:00:00Z",
			text: "recorded: user 2 closed trade t9 with -12.50\n",
			json: `{"user_id": 2, "trade_id": "t9", "status": "recorded"}`,
		},
		{
			name: "a loss may stand behind two dashes",
			args: "trade 2 t9 --outcome draw -- -.5",
			text: "recorded: user 2 closed trade t9 with -0.50\n",
			json: `{"user_id": 2, "trade_id": "t9", "status": "recorded"}`,
		},
		{
			name: "a repeated trade is a duplicate",
			args: "trade 1 t2 -50.25",
			text: "known already, nothing changed: user 1 closed trade t2 with -50.25\n",
			json: `{"user_id": 1, "trade_id": "t2", "status": "duplicate"}`,
		},
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
		{
			name: "daily draws the last days",
			args: "daily --window 4d",
			text: `
day         fires  executed    rate  users  new
2026-01-28      0         0    0.0%      0    0
2026-01-29      1         1  100.0%      1    1  ████████████████████
2026-01-30      1         1  100.0%      1    0  ████████████████████
2026-01-31      2         1   50.0%      2    1  ████████████████████░░░░░░░░░░░░░░░░░░░░ so far
`,
			json: `[
				{"day": "2026-01-28", "fires": 0, "executed": 0, "active_users": 0, "new_users": 0, "execution_rate": 0, "partial": false},
				{"day": "2026-01-29", "fires": 1, "executed": 1, "active_users": 1, "new_users": 1, "execution_rate": 1, "partial": false},
				{"day": "2026-01-30", "fires": 1, "executed": 1, "active_users": 1, "new_users": 0, "execution_rate": 1, "partial": false},
				{"day": "2026-01-31", "fires": 2, "executed": 1, "active_users": 2, "new_users": 1, "execution_rate": 0.5, "partial": true}
			]`,
		},
		{
			name: "daily shows a range",
			args: "daily --window 2025-12-02",
			text: `
day         fires  executed    rate  users  new
2025-12-02      1         1  100.0%      1    1  ████████████████████████████████████████
`,
			json: `[{"day": "2025-12-02", "fires": 1, "executed": 1, "active_users": 1, "new_users": 1, "execution_rate": 1, "partial": false}]`,
		},
		{
			name: "activity counts users up to each day",
			args: "activity --window 3d",
			text: `
day         DAU  WAU  MAU  stickiness
2026-01-29    1    1    1        3.3%
2026-01-30    1    1    1        6.7%
2026-01-31    2    2    2        6.7%  so far
`,
			json: `[
				{"day": "2026-01-29", "dau": 1, "wau": 1, "mau": 1, "stickiness": 0.03333333333333333, "partial": false},
				{"day": "2026-01-30", "dau": 1, "wau": 1, "mau": 1, "stickiness": 0.06666666666666667, "partial": false},
				{"day": "2026-01-31", "dau": 2, "wau": 2, "mau": 2, "stickiness": 0.06666666666666667, "partial": true}
			]`,
		},
		{
			name: "activity has no stickiness without users",
			args: "activity --window 2026-01-01",
			text: `
day         DAU  WAU  MAU  stickiness
2026-01-01    0    0    0  -
`,
			json: `[{"day": "2026-01-01", "dau": 0, "wau": 0, "mau": 0, "stickiness": null, "partial": false}]`,
		},
		{
			name: "lifecycle goes by day",
			args: "lifecycle --window 2d",
			text: `
day         active  new  returning  resurrected  dormant
2026-01-30       1    0          1            0        0
2026-01-31       2    1          1            0        0  so far
`,
			json: `[
				{"start": "2026-01-30", "active": 1, "new": 0, "returning": 1, "resurrected": 0, "dormant": 0, "partial": false},
				{"start": "2026-01-31", "active": 2, "new": 1, "returning": 1, "resurrected": 0, "dormant": 0, "partial": true}
			]`,
		},
		{
			name: "lifecycle goes by week",
			args: "lifecycle --by week --window 2025-12-10",
			text: `
week        active  new  returning  resurrected  dormant
2025-12-08       0    0          0            0        1
`,
			json: `[{"start": "2025-12-08", "active": 0, "new": 0, "returning": 0, "resurrected": 0, "dormant": 1, "partial": false}]`,
		},
		{
			name: "cohorts go by day",
			args: "cohorts --by day --window 3d --periods 2",
			text: `
day         users      +1  +2
2026-01-29      1  100.0%
2026-01-30      0
2026-01-31      1              so far
`,
			json: `[
				{"start": "2026-01-29", "size": 1, "on": [1, null], "on_or_after": [1, null], "partial": false},
				{"start": "2026-01-30", "size": 0, "on": [null, null], "on_or_after": [null, null], "partial": false},
				{"start": "2026-01-31", "size": 1, "on": [null, null], "on_or_after": [null, null], "partial": true}
			]`,
		},
		{
			name: "cohorts go by week",
			args: "cohorts --or-after --periods 2 --window 2025-12-01..2025-12-08",
			text: `
week        users    +1    +2
2025-12-01      1  0.0%  0.0%
2025-12-08      0     -     -
`,
			json: `[
				{"start": "2025-12-01", "size": 1, "on": [0, 0], "on_or_after": [0, 0], "partial": false},
				{"start": "2025-12-08", "size": 0, "on": [0, 0], "on_or_after": [0, 0], "partial": false}
			]`,
		},
		{
			name: "cleanup says what it would delete",
			args: "cleanup --keep-days 30 --dry-run",
			text: "would delete 1 fire of the days before 2026-01-01; totals stay as they are\n",
			json: `{"horizon": "2026-01-01", "fires_deleted": 1, "dry_run": true}`,
		},
		{
			name: "cleanup deletes old fires",
			args: "cleanup --keep-days 30",
			text: "deleted 1 fire of the days before 2026-01-01; totals stay as they are\n",
			json: `{"horizon": "2026-01-01", "fires_deleted": 1, "dry_run": false}`,
		},
		{
			name: "erase deletes a user",
			args: "erase 1 --yes",
			text: "erased user 1: 3 fires, 2 trades, 3 days\n",
			json: `{"user_id": 1, "fires": 3, "trades": 2, "days": 3, "erased_at": "2026-01-31T12:00:00Z"}`,
		},
		{
			name: "verify proves the figures",
			args: "verify",
			text: "recomputed 3 users, 3 signals and 4 days from 5 fires and 3 trades: 0 differences\n",
			json: `{"users": 3, "signals": 3, "days": 4, "fires": 5, "trades": 3, "uncounted": 0,
				"aside": 0, "horizon": "1970-01-02", "findings": [], "timestamp": "2026-01-31T12:00:00Z"}`,
		},
		{
			name: "rebuild has nothing to put right",
			args: "rebuild",
			text: "recomputed 3 users, 3 signals and 4 days from 5 fires and 3 trades: put right 0 differences\n",
			json: `{"users": 3, "signals": 3, "days": 4, "fires": 5, "trades": 3, "uncounted": 0,
				"aside": 0, "horizon": "1970-01-02", "findings": [], "timestamp": "2026-01-31T12:00:00Z"}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := strings.Fields(tt.args)
			// The flag comes first, because two dashes end the flags.
			checkText(t, withoutCursors(mustRun(t, append([]string{"--db", sampleDB(t)}, args...)...)), strings.TrimPrefix(tt.text, "\n"))
			checkJSON(t, withoutCursors(mustRun(t, append([]string{"--json", "--db", sampleDB(t)}, args...)...)), tt.json)
		})
	}
}

func TestHoursShowsTheHoursOfTheWeek(t *testing.T) {
	db := sampleDB(t)
	text := mustRun(t, "hours", "--db", db)
	for _, want := range []string{
		"5 fires of all time, kept from 1970-01-02 on\n",
		"hour  Mon  Tue  Wed  Thu  Fri  Sat  Sun  MTWTFSS\n",
		"08      0    0    0    0    0    1    0       █\n",
		"12      0    1    0    1    1    0    0   █ ██\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	hours := decode[engagement.Hours](t, mustRun(t, "hours", "--db", db, "--json", "--window", "2026-01-30..2026-01-31"))
	want := engagement.Hours{Horizon: 1, Total: 3}
	want.Fires[4][12], want.Fires[5][8], want.Fires[5][9] = 1, 1, 1
	if hours != want {
		t.Errorf("got %+v", hours)
	}
	if got := mustRun(t, "hours", "--db", db, "--window", "today"); !strings.HasPrefix(got, "2 fires of 2026-01-31, ") {
		t.Errorf("got %s", got)
	}
}

func TestMigrateMakesADatabaseInATimeZone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "engagement.db")
	checkText(t, mustRun(t, "migrate", "--db", path, "--timezone", "Europe/Berlin"),
		"made: "+path+" (days begin and end in Europe/Berlin)\n")
	want, err := json.Marshal(migrateOutput{Database: path, Timezone: "Europe/Berlin", Backups: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	checkJSON(t, mustRun(t, "migrate", "--db", path, "--json"), string(want))
	if got := mustRun(t, "stats", "--db", path); !strings.Contains(got, "2026-01-31 13:00:00 CET") {
		t.Errorf("stats are not in the database's time zone:\n%s", got)
	}
}

func TestMigrateTakesOverThePredecessorsFileAndShowsItsBackup(t *testing.T) {
	path, later := predecessorDB(t), noon.AddDate(1, 0, 0) // its fires are of that year
	out := decode[migrateOutput](t, runAt(t, later, "migrate", "--db", path, "--json").out)
	if out.Made || len(out.Backups) != 1 {
		t.Fatalf("got %+v, want an existing database and one backup", out)
	}
	if _, err := os.Stat(out.Backups[0]); err != nil {
		t.Error(err)
	}
	report := decode[engagement.Report](t, runAt(t, later, "verify", "--db", path, "--json").out)
	if report.Fires == 0 || report.Uncounted != 0 {
		t.Errorf("got %d fires and %d not counted, want some and none", report.Fires, report.Uncounted)
	}
}

func predecessorDB(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "testdata", "predecessor.db"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "predecessor.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheEnvironmentNamesTheDatabase(t *testing.T) {
	t.Setenv("ENGAGEMENT_DB", sampleDB(t))
	if got := mustRun(t, "user", "2"); !strings.Contains(got, "fires           1, rank 2") {
		t.Errorf("got %s", got)
	}
	if r := run(t, "user", "2", "--db", filepath.Join(t.TempDir(), "other.db")); r.code != exitFailure {
		t.Errorf("--db did not win over the environment: %+v", r)
	}
}

func TestExportWritesEverythingAboutAUser(t *testing.T) {
	db := sampleDB(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "user.json")
	if err := os.WriteFile(path, []byte("older"), 0o644); err != nil {
		t.Fatal(err)
	}

	stdout := mustRun(t, "export", "1", "--db", db)
	export := decode[engagement.UserExport](t, stdout)
	if len(export.SignalFires) != 3 || len(export.Trades) != 2 || export.UserStats.PnL != 1100.5 {
		t.Errorf("got %s", stdout)
	}
	size := int64(len(stdout))
	checkText(t, mustRun(t, "export", "1", "--db", db, "--output", path), "wrote "+path+" ("+cellText(size)+" bytes)\n")
	got := decode[fileOutput](t, mustRun(t, "export", "1", "--db", db, "--output", path, "--json"))
	if want := (fileOutput{path, size}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	checkText(t, string(content), stdout)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, want only the owner to read it", info.Mode().Perm())
	}
	checkFiles(t, dir, "user.json")
}

func TestAFailedExportLeavesTheFileAsItWas(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "user.json")
	if err := os.WriteFile(path, []byte("older"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := run(t, "export", "404", "--db", sampleDB(t), "--output", path); r.code != exitFailure {
		t.Fatalf("got %+v", r)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	checkText(t, string(content), "older")
	checkFiles(t, dir, "user.json")
}

func checkFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	checkText(t, strings.Join(names, " "), strings.Join(want, " "))
}

func TestBackupCopiesTheDatabase(t *testing.T) {
	db := sampleDB(t)
	path := filepath.Join(t.TempDir(), "copy.db")
	out := decode[fileOutput](t, mustRun(t, "backup", path, "--db", db, "--json"))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := (fileOutput{path, info.Size()}); out != want {
		t.Errorf("got %+v, want %+v", out, want)
	}
	checkText(t, mustRun(t, "user", "1", "--db", path), mustRun(t, "user", "1", "--db", db))
	other := filepath.Join(t.TempDir(), "copy.db")
	checkText(t, mustRun(t, "backup", other, "--db", db),
		"backed up to "+other+" and verified ("+cellText(info.Size())+" bytes)\n")
}

func TestADryRunChangesNothing(t *testing.T) {
	db := sampleDB(t)
	before, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, "cleanup", "--keep-days", "1", "--dry-run", "--db", db)
	after, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("the file has changed")
	}
}

func TestCleanupKeepsTotals(t *testing.T) {
	db := sampleDB(t)
	before := mustRun(t, "leaderboard", "--db", db) + mustRun(t, "daily", "--window", "90d", "--db", db)
	mustRun(t, "cleanup", "--keep-days", "1", "--db", db)
	checkText(t, mustRun(t, "leaderboard", "--db", db)+mustRun(t, "daily", "--window", "90d", "--db", db), before)
	if report := decode[engagement.Report](t, mustRun(t, "verify", "--json", "--db", db)); report.Fires != 3 {
		t.Errorf("%d fires are left, want 3", report.Fires)
	}
}

func TestVerifyFailsOnAWrongFigureAndRebuildPutsItRight(t *testing.T) {
	db := sampleDB(t)
	execSQL(t, db, "UPDATE user_stats SET total_fires = 99 WHERE user_id = 1")

	r := run(t, "verify", "--db", db)
	finding := "V1: user 1: total_fires is 99, want 3\n"
	want := "recomputed 3 users, 3 signals and 4 days from 5 fires and 3 trades: 1 difference\n" + finding
	if r.code != exitFailure {
		t.Errorf("exit code %d, want %d", r.code, exitFailure)
	}
	checkText(t, r.out, want)
	checkText(t, r.err, "engagement: verify: 1 difference\n")

	r = run(t, "verify", "--db", db, "--json")
	report := decode[engagement.Report](t, r.out)
	if r.code != exitFailure || len(report.Findings) != 1 {
		t.Errorf("exit code %d with %+v", r.code, report)
	}

	checkText(t, mustRun(t, "rebuild", "--db", db),
		"recomputed 3 users, 3 signals and 4 days from 5 fires and 3 trades: put right 1 difference\n"+finding)
	mustRun(t, "verify", "--db", db)
}

func TestVerifyTellsOfFactsThatNobodyCounted(t *testing.T) {
	db := sampleDB(t)
	execSQL(t, db, "INSERT INTO signal_fires (user_id, signal_id, timestamp, executed) VALUES (3, 'X_1', '2026-01-30 10:00:00.000000', 1)")
	if got := mustRun(t, "verify", "--db", db); !strings.Contains(got, "not counted yet: 1 fact;") {
		t.Errorf("got %s", got)
	}
	mustRun(t, "migrate", "--db", db)
	if got := mustRun(t, "user", "3", "--db", db); !strings.Contains(got, "fires           1, rank 2") {
		t.Errorf("got %s", got)
	}
}

func TestVerboseLogsToStderr(t *testing.T) {
	db := sampleDB(t)
	r := run(t, "user", "1", "--db", db, "--verbose")
	if r.code != exitOK || !strings.Contains(r.err, "level=DEBUG") {
		t.Errorf("got %+v", r)
	}
	checkText(t, r.out, mustRun(t, "user", "1", "--db", db))
}
