package engagement

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestDecideRefusesATradeThatItsDayCannotHold(t *testing.T) {
	for name, test := range map[string]struct {
		given, facts []*fact
		receipts     []string
		days         []string // how their P&L changes
	}{
		"alone, though the user's sum has room": {
			facts:    []*fact{closedOn(19, 1, "a", MaxPnL), closedOn(20, 1, "b", -MaxPnL), closedOn(19, 1, "c", 1), closedOn(20, 1, "d", 2)},
			receipts: []string{"recorded", "recorded", "invalid", "recorded"},
			days:     []string{"1 on 19: 9000000000000", "1 on 20: -8999999999998"},
		},
		"by as much as a trade can make": {
			facts:    []*fact{closedOn(19, 1, "a", MaxPnL), closedOn(20, 1, "b", -MaxPnL), closedOn(19, 1, "c", MaxPnL)},
			receipts: []string{"recorded", "recorded", "invalid"},
			days:     []string{"1 on 19: 9000000000000", "1 on 20: -9000000000000"},
		},
		"if the day is stored as full": {
			given:    []*fact{closedOn(19, 1, "a", -MaxPnL), closedOn(20, 1, "b", MaxPnL)},
			facts:    []*fact{closedOn(19, 1, "c", -1), closedOn(19, 2, "c", -1)},
			receipts: []string{"invalid", "recorded"},
			days:     []string{"2 on 19: -1"},
		},
		"and not one that brings it from one end to the other": {
			given:    []*fact{closed(1, "a", -MaxPnL)},
			facts:    []*fact{closed(1, "b", MaxPnL), closed(1, "c", MaxPnL), closed(1, "d", 1)},
			receipts: []string{"recorded", "recorded", "invalid"},
			days:     []string{"1 on 20: 18000000000000"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory(DefaultStreakRules())
			m.record(t, test.given)
			d := decide(m.load(test.facts), test.facts, decided)
			var receipts, days []string
			for _, r := range d.receipts {
				receipts = append(receipts, receiptText(r))
			}
			for key, c := range d.changes.userDays {
				days = append(days, fmt.Sprintf("%d on %d: %.0f", key.user, int64(key.day), c.pnl.Units()))
			}
			slices.SortFunc(days, strings.Compare)
			if diff := gocmp.Diff(test.receipts, receipts); diff != "" {
				t.Errorf("receipts (-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff(test.days, days); diff != "" {
				t.Errorf("days (-want +got):\n%s", diff)
			}
			m.apply(t, d.changes)
			m.verify(t)
		})
	}
}
