package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

func TestMain(m *testing.M) {
	asChild()
	code := m.Run()
	if shared != nil {
		if err := shared.close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// shared is what prepared has made.
var shared *soak

// prepared makes what all tests share.
func prepared(t *testing.T) *soak {
	t.Helper()
	if shared == nil {
		var err error
		if shared, err = prepare(context.Background(), &bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
		shared.cuts = 6
	}
	return shared
}

// small runs some cases of a campaign.
func small(t *testing.T, name string, seed uint64, cases int) *campaign {
	t.Helper()
	s := prepared(t)
	chosen, err := choose(name)
	if err != nil {
		t.Fatal(err)
	}
	c := *chosen[0]
	var out bytes.Buffer
	s.out = &out
	s.attack(t.Context(), []*campaign{&c}, seed, 0, cases)
	if c.skipped != nil && errors.Is(c.skipped, errMissing) {
		t.Skip(c.skipped)
	}
	if c.failures > 0 || c.cases != cases || c.count == 0 {
		t.Errorf("%d cases, %d %s: %s", c.cases, c.count, c.what, out.String())
	}
	return &c
}

// So that the campaigns do not rot: each is run for a second or two.
func TestASmallCampaignOf(t *testing.T) {
	for _, tt := range []struct {
		name  string
		seed  uint64
		cases int
	}{
		{"kills", 3, 4}, {"faults", 1, 5}, {"power", 1, 2}, {"damage", 1, 5}, {"processes", 1, 2}, {"servers", 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) { small(t, tt.name, tt.seed, tt.cases) })
	}
}

func TestPowerCutsFindOutWhoDoesNotWaitForTheDisk(t *testing.T) {
	s := prepared(t)
	s.lax = true
	defer func() { s.lax = false }()
	if err := needInterposer(t.Context(), s); errors.Is(err, errMissing) {
		t.Skip(err)
	}
	a := &attack{soak: s, Rand: rand.New(rand.NewPCG(1, 0)), seed: 1}
	err := a.run(t.Context(), &campaign{name: "power", run: powerCuts})
	if err == nil || !strings.Contains(err.Error(), "was acknowledged, and 0 of its") {
		t.Errorf("got %v", err)
	}
	if err := os.RemoveAll(a.dir); err != nil {
		t.Error(err)
	}
}

func TestACaseThatFailsSaysHowToRepeatIt(t *testing.T) {
	s := prepared(t)
	var out bytes.Buffer
	s.out = &out
	broken := &campaign{name: "kills", what: "kills", share: 1, run: func(_ context.Context, a *attack) error {
		if a.count = 3; a.seed != 7 {
			panic("no")
		}
		return errors.New("it broke")
	}}
	missing := &campaign{name: "servers", need: func(context.Context, *soak) error { return fmt.Errorf("%w: no server", errMissing) }}
	if got := s.attack(t.Context(), []*campaign{broken, missing}, 7, time.Hour, 2); got != 2 {
		t.Errorf("%d failures", got)
	}
	for _, want := range []string{
		"again: go run ./engagement/internal/soak -only kills -seed 7 -cases 1\n", "it broke", "panic: no", "skipped: no server",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q: %s", want, out.String())
		}
	}
	if last := regexp.MustCompile(`\nsoak: 0s, seed 7: 6 kills, servers skipped: 2 failures\n$`); !last.MatchString(out.String()) {
		t.Errorf("the last line: %s", out.String())
	}
	for _, dir := range s.kept {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("its files are not kept: %v", err)
		}
	}
	s.kept = nil
}

func TestWhatAnAttackMustNotDo(t *testing.T) {
	fire, batch := "", "" // names of units of one fire, and of five
	for i := 0; fire == "" || batch == ""; i++ {
		u := unitOf(fmt.Sprint(unitPrefix, i))
		switch {
		case len(u.fires) == 1 && len(u.trades) == 0:
			fire = u.name
		case len(u.fires) == 5:
			batch = u.name
		}
	}
	one, many := unitOf(fire).fires[0], unitOf(batch).fires
	day := engagement.DayOf(now, time.UTC)
	fresh := func() *world {
		return &world{
			fires: map[key]engagement.Day{{510, "A"}: day, {511, "A"}: day - 40}, trades: map[key]bool{{510, "t"}: true},
			users: map[int64]totals{510: {1, 1}, 511: {1, 0}}, rules: "[[] [] 2]",
		}
	}
	add := func(w *world, user int64, signal string) {
		w.fires[key{user, signal}] = day
		w.users[user] = totals{w.users[user].fires + 1, w.users[user].trades}
	}
	for _, tt := range []struct {
		name   string
		ledger func(l *ledger)
		change func(w *world)
		want   string // "" if it may be so
	}{
		{"nothing", func(*ledger) {}, func(*world) {}, ""},
		{"a fire that was begun is not there", func(l *ledger) { l.begin(fire) }, func(*world) {}, ""},
		{"a fire that was begun is there", func(l *ledger) { l.begin(fire) }, func(w *world) { add(w, one.UserID, fire) }, ""},
		{"an acknowledged fire is lost", func(l *ledger) { l.begin(fire); l.end(fire) }, func(*world) {}, "was acknowledged"},
		{"an acknowledged fire is not counted", func(l *ledger) { l.begin(fire); l.end(fire) },
			func(w *world) { w.fires[key{one.UserID, fire}] = day; w.users[one.UserID] = totals{} }, "want {fires:1"},
		{"a batch is half written", func(l *ledger) { l.begin(batch) }, func(w *world) { add(w, many[0].UserID, batch) }, "half written"},
		{"a fire that nobody recorded", func(*ledger) {}, func(w *world) { add(w, 510, "B") }, "nobody recorded"},
		{"a fire of before is lost", func(*ledger) {}, func(w *world) { delete(w.fires, key{510, "A"}) }, "is lost"},
		{"an old fire went with a cleanup", func(l *ledger) { l.begin(opCleanup); l.end(opCleanup) },
			func(w *world) { delete(w.fires, key{511, "A"}); w.horizon = cleanedHorizon }, ""},
		{"a total went with a cleanup", func(l *ledger) { l.begin(opCleanup) },
			func(w *world) {
				delete(w.fires, key{511, "A"})
				w.horizon = cleanedHorizon
				w.users[511] = totals{}
			}, "user 511 has"},
		{"a cleanup did not move the horizon", func(l *ledger) { l.begin(opCleanup); l.end(opCleanup) }, func(*world) {}, "horizon"},
		{"an erased user is there", func(l *ledger) { l.begin(erasing(510)); l.end(erasing(510)) }, func(*world) {}, "was erased"},
		{"half of a user is erased", func(l *ledger) { l.begin(erasing(510)) }, func(w *world) { delete(w.trades, key{510, "t"}) }, "the trade"},
		{"a user is lost", func(*ledger) {}, func(w *world) { delete(w.users, 510) }, "user 510 is lost"},
		{"other rules", func(*ledger) {}, func(w *world) { w.rules = fmt.Sprint(otherRules) }, "rules"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, w := newLedger(), fresh()
			tt.ledger(l)
			tt.change(w)
			err := fresh().compare(w, l)
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestAPowerCutLeavesWhatWasSyncedAndAnyPartOfTheRest(t *testing.T) {
	const name = "/d/f"
	block := func(b byte, n int) []byte { return bytes.Repeat([]byte{b}, n) }
	d := newDisk()
	d.holds(name, block('a', 3*sector))
	for _, r := range []record{
		{kind: 'n', file: 1, data: []byte(name)}, {kind: 'n', file: 2, data: []byte("/d/f-wal")}, {kind: 'n', file: 3, data: []byte("/d")},
		{kind: 'w', file: 1, data: block('b', sector)}, {kind: 's', file: 1},
		{kind: 'w', file: 1, offset: sector, data: block('c', 2*sector)}, {kind: 't', file: 1, offset: 2 * sector},
		{kind: 'c', file: 2}, {kind: 'w', file: 2, data: block('d', 10)}, {kind: 's', file: 2},
	} {
		d.play(r)
	}
	seen := map[string]bool{}
	random := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		left := d.cut(random)
		data := left[name]
		if !bytes.Equal(data[:sector], block('b', sector)) {
			t.Fatalf("what was synced is not there: %q", data[:sector])
		}
		form := fmt.Sprint(len(data) / sector)
		for s := 1; s < len(data)/sector; s++ {
			form += string(data[s*sector])
		}
		if wal, there := left["/d/f-wal"]; there {
			form += " wal " + string(wal)
		}
		seen[form] = true
	}
	for _, form := range []string{"3aa", "3ac", "3ca", "3cc", "2a", "2c", "3cc wal dddddddddd"} {
		if !seen[form] {
			t.Errorf("%q was never left, only %v", form, seen)
		}
	}
	d.play(record{kind: 's', file: 3})
	if wal, there := d.cut(random)["/d/f-wal"]; !there || string(wal) != "dddddddddd" {
		t.Errorf("a file whose folder was synced: %q, %v", wal, there)
	}
}

func TestTheSuiteHasTheTestsThatAreCampaigns(t *testing.T) {
	s := prepared(t)
	if targets, err := s.fuzzTargets(); err != nil || len(targets) == 0 {
		t.Errorf("fuzz targets: %v, %v", targets, err)
	}
	files, err := filepath.Glob(filepath.Join(s.root, "engagement", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var source []byte
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, content...)
	}
	for _, pattern := range []string{histories, concurrent} {
		tests := regexp.MustCompile(pattern)
		if !slices.ContainsFunc(regexp.MustCompile(`(?m)^func Test\w+`).FindAll(source, -1), func(declared []byte) bool {
			return tests.Match(bytes.TrimPrefix(declared, []byte("func ")))
		}) {
			t.Errorf("no test is called %q", pattern)
		}
	}
}
