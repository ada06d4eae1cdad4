package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

const (
	communityUsers = 500
	communityDays  = 30 // today included
)

// community makes up a month of people acting on signals, the same for the same
// seed and time. It knows nothing of the database.
type community struct {
	random  *rand.Rand
	now     time.Time
	loc     *time.Location
	members []member
	numbers map[string]int // the last number given to a signal of a family
	trades  int
}

// member is how one user behaves.
type member struct {
	userID   int64
	eager    float64 // how likely the user fires a signal
	executes float64 // how likely the order reaches the broker at once
	skill    float64 // how likely a trade wins
	stake    float64 // what a trade wins or loses, typically
	joins    int     // first day
	away     [2]int  // first day of a pause, and the day after it
}

// published is a signal with everything that happens because of it, each list
// in the order in which it happens.
type published struct {
	fires  []engagement.Fire
	trades []engagement.Trade
}

var families = []string{
	"EURUSD_LONG", "EURUSD_SHORT", "GBPUSD_LONG", "USDJPY_SHORT", "XAUUSD_LONG", "BTCUSD_LONG",
}

func newCommunity(seed uint64, now time.Time, loc *time.Location) *community {
	c := &community{
		random:  rand.New(rand.NewPCG(seed, 0)),
		now:     now,
		loc:     loc,
		numbers: map[string]int{},
	}
	for place, number := range c.random.Perm(communityUsers) {
		c.members = append(c.members, c.newMember(int64(10_001+number), float64(place)/communityUsers))
	}
	return c
}

// newMember makes a user. Place runs from 0, the most active, to 1: a few fire
// nearly every signal and many hardly any.
func (c *community) newMember(userID int64, place float64) member {
	m := member{
		userID: userID,
		eager:  0.95 * math.Exp(-2.5*place),
		skill:  min(0.8, max(0.2, 0.5+0.1*c.random.NormFloat64())),
		stake:  20 + 80*c.random.ExpFloat64(),
	}
	if place < 0.6 { // the others only watch, without a broker
		m.executes = 0.7 + 0.25*c.random.Float64()
	}
	if c.random.Float64() < 0.3 {
		m.joins = c.random.IntN(communityDays * 2 / 3)
	}
	if c.random.Float64() < 0.8 {
		m.away[0] = c.random.IntN(communityDays)
		m.away[1] = m.away[0] + 1 + c.random.IntN(4)
	}
	return m
}

func (m member) present(day int) bool {
	return day >= m.joins && (day < m.away[0] || day >= m.away[1])
}

// day makes the signals of one of the days from 0 to communityDays - 1.
func (c *community) day(number int) []published {
	today := engagement.DayOf(c.now, c.loc)
	day := today - communityDays + 1 + engagement.Day(number)
	start, end, activity := day.Start(c.loc), (day + 1).Start(c.loc), 1.0
	if day == today {
		// The day so far, but with something to show just after midnight too.
		activity = max(0.1, float64(c.now.Sub(start))/float64(end.Sub(start)))
		end = c.now
	}
	count := 3
	if weekday := start.Weekday(); weekday == time.Saturday || weekday == time.Sunday {
		count = 2
	}
	signals := make([]published, count)
	for i := range signals {
		signals[i] = c.publish(number, start, end, activity)
	}
	return signals
}

// publish makes one signal between start and end.
func (c *community) publish(day int, start, end time.Time, activity float64) published {
	family := families[c.random.IntN(len(families))]
	c.numbers[family]++
	signalID := fmt.Sprintf("%s_%03d", family, c.numbers[family])
	appeal := (0.7 + 0.6*c.random.Float64()) * activity
	opens := 0.7 * c.random.Float64() // as a part of the day

	var p published
	for _, m := range c.members {
		if !m.present(day) || c.random.Float64() > m.eager*appeal {
			continue
		}
		// Most act soon after a signal is out.
		part := opens + 0.3*math.Pow(c.random.Float64(), 3)
		fire := engagement.Fire{UserID: m.userID, SignalID: signalID, At: between(start, end, part)}
		c.act(&p, m, fire)
	}
	slices.SortStableFunc(p.fires, func(a, b engagement.Fire) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(p.trades, func(a, b engagement.Trade) int {
		return cmp.Or(a.ClosedAt.Compare(b.ClosedAt), cmp.Compare(a.UserID, b.UserID))
	})
	return p
}

// act adds a fire, what is said of it again later, and its trade.
func (c *community) act(p *published, m member, fire engagement.Fire) {
	fire.Executed = c.random.Float64() < m.executes
	p.fires = append(p.fires, fire)
	executed := fire.Executed
	again := fire
	again.At = c.later(fire.At, time.Minute)
	switch chance := c.random.Float64(); {
	case m.executes > 0 && !fire.Executed && chance < 0.5: // the broker answers late
		again.Executed, executed = true, true
		p.fires = append(p.fires, again)
	case chance < 0.04: // an impatient user, or a retry after a lost answer
		p.fires = append(p.fires, again)
	}
	if !executed || c.random.Float64() > 0.7 {
		return
	}
	closed := again.At.Add(time.Duration(float64(6*time.Hour) * c.random.ExpFloat64()))
	pnl := c.pnl(m)
	if closed.After(c.now) {
		return // the trade is still open
	}
	c.trades++
	p.trades = append(p.trades, engagement.Trade{
		UserID: m.userID, TradeID: fmt.Sprintf("mt5-%06d", c.trades),
		SignalID: fire.SignalID, PnL: pnl, ClosedAt: closed,
	})
}

// pnl makes up what a trade wins or loses, in whole cents.
func (c *community) pnl(m member) float64 {
	amount := m.stake * (0.2 + c.random.ExpFloat64())
	switch chance := c.random.Float64(); {
	case chance < 0.05:
		return 0 // closed where it was opened
	case chance < 0.05+0.95*m.skill:
		return math.Round(100*amount) / 100
	}
	return -math.Round(90*amount) / 100 // stops are nearer than targets
}

// later returns a time shortly after t, and not in the future.
func (c *community) later(t time.Time, typically time.Duration) time.Time {
	t = t.Add(time.Duration(float64(typically) * c.random.ExpFloat64()))
	if t.After(c.now) {
		return c.now
	}
	return t
}

func between(start, end time.Time, part float64) time.Time {
	return start.Add(time.Duration(part * float64(end.Sub(start)))).Truncate(time.Second)
}
