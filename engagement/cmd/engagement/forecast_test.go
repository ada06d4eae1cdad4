package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// tradesDB returns the path of a database where user 1 has made trades of the
// given amounts, a minute apart.
func tradesDB(t *testing.T, amounts ...float64) string {
	t.Helper()
	path := sampleDB(t)
	db, err := engagement.Open(t.Context(), path, engagement.WithClock(func() time.Time { return noon }))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i, pnl := range amounts {
		_, err := db.RecordTrade(t.Context(), engagement.Trade{
			UserID: 1, TradeID: fmt.Sprint(i), PnL: pnl, ClosedAt: noon.Add(time.Duration(i-60) * time.Minute / 2),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestForecastSaysWhereToLookHowGoodItIs(t *testing.T) {
	path := tradesDB(t, 1, 1, 1, 1, 1, 1, 1, -1)
	checkText(t, mustRun(t, "forecast", "1", "--db", path), `of            user 1
next win      77.5%
90% interval  61.0% to 90.8%
own trades    8 won, 2 lost
base rate     75.0%, weighs 10 trades
how good      see: engagement forecast --score users
`)
	forecast := decode[engagement.Forecast](t, mustRun(t, "forecast", "1", "--strength", "5", "--json", "--db", path))
	if forecast.Wins != 8 || forecast.Strength != 5 {
		t.Errorf("got %+v", forecast)
	}
}

func TestAForecastOfTooFewTradesIsAnAnswer(t *testing.T) {
	path := tradesDB(t)
	checkText(t, mustRun(t, "forecast", "1", "--db", path), `of          user 1
next win    too few trades to say: 2 decided, 10 needed
own trades  1 won, 1 lost
base rate   50.0%, weighs 10 trades
how good    see: engagement forecast --score users
`)
	forecast := decode[map[string]any](t, mustRun(t, "forecast", "1", "--json", "--db", path))
	if forecast["probability"] != nil || forecast["decided"] != 2.0 || forecast["needed"] != 10.0 {
		t.Errorf("got %v", forecast)
	}
}

func TestTheScoreClaimsNoMoreThanItShows(t *testing.T) {
	for _, tt := range []struct {
		name    string
		amounts []float64
		want    string
	}{
		{"worse than the base rate", []float64{1, -1, 1, -1}, "\nThe forecasts were no better than the base rate.\n"},
		{"nothing to score", nil, "\nNo trade was forecast, so nothing is known of such forecasts.\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := mustRun(t, "forecast", "--score", "users", "--min-decided", "2", "--db", tradesDB(t, tt.amounts...))
			if !strings.Contains(got, tt.want) {
				t.Errorf("want %q in:\n%s", tt.want, got)
			}
		})
	}
}

func TestTheScoreComparesForecastsWithHowTheyEnded(t *testing.T) {
	path := tradesDB(t, 1, 1)
	checkText(t, mustRun(t, "forecast", "--score", "users", "--min-decided", "1", "--window", "today", "--db", path), `of            users, 2026-01-31
forecasts     3 trades, too early for 0
Brier score   0.2946
of base rate  0.2848
skill         -3.4%

The forecasts were no better than the base rate.

forecast     trades  mean   won
0% to 10%         0  none   none
10% to 20%        0  none   none
20% to 30%        0  none   none
30% to 40%        0  none   none
40% to 50%        0  none   none
50% to 60%        1  50.0%  100.0%
60% to 70%        2  65.6%  50.0%
70% to 80%        0  none   none
80% to 90%        0  none   none
90% to 100%       0  none   none
`)
}
