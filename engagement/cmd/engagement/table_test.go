package main

import (
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestTablesAlignNumbersRightAndTextLeft(t *testing.T) {
	table := &table{header: []any{"user", "P&L", "rate", "note"}}
	table.add(id(123456), money(-1234.5), share(0.125), "é")
	table.add(id(7), money(0), share(1), "plain")
	checkText(t, table.String(), strings.TrimPrefix(`
  user        P&L    rate  note
123456  -1,234.50   12.5%  é
     7       0.00  100.0%  plain
`, "\n"))
}

func TestOneNumberMakesAColumnOfNumbers(t *testing.T) {
	table := &table{header: []any{"day", "rate"}}
	table.add("Mon", "-")
	table.add("Tue", share(0.5))
	checkText(t, table.String(), "day   rate\nMon      -\nTue  50.0%\n")
}

func TestTablesShowControlCharactersHarmlessly(t *testing.T) {
	checkText(t, cellText("X\x1b[2J\n"), "X\uFFFD[2J\uFFFD")
}

func TestBlocksStandBesideEachOther(t *testing.T) {
	checkText(t, join(beside(2, []string{"a", "long"}, []string{"b"}, []string{"c", "", "d"})), strings.TrimPrefix(`
a     b  c
long
         d
`, "\n"))
}

func TestBarsShowFiresAndTheirExecutedPart(t *testing.T) {
	days := []engagement.DayFigures{{Fires: 100, Executed: 50}, {}, {Fires: 1}, {Fires: 30, Executed: 30}}
	checkText(t, strings.Join(bars(days, 10), "|"), "█████░░░░░||░|███")
}
