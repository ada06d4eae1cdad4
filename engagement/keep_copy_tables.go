package engagement

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/hydraxdev/engagementdb/dbgen"
)

// copyChunk is how many rows of a table are copied in one transaction.
const copyChunk = 2_000

// copyKey is the primary key of a row of any table; fields that a table's key does
// not have are zero. Keys compare in the order in which tables are listed.
type copyKey struct {
	user int64
	id   string // of a signal, trade, freeze or token, or the name of a setting or metric
	day  int64
	// milestone of an award
	milestone int64
}

// firstKey is less than every key of a row.
var firstKey = copyKey{user: math.MinInt64, day: math.MinInt64, milestone: math.MinInt64}

func (k copyKey) compare(other copyKey) int {
	return cmp.Or(cmp.Compare(k.user, other.user), cmp.Compare(k.id, other.id),
		cmp.Compare(k.day, other.day), cmp.Compare(k.milestone, other.milestone))
}

// next returns the first user whose row, in a table with one row a user, is behind
// the key's, and whether there can be any.
func (k copyKey) next() (user int64, any bool) {
	switch {
	case k == firstKey:
		return k.user, true
	case k.user == math.MaxInt64:
		return 0, false
	}
	return k.user + 1, true
}

// copyRow is a row of any table: its key and all its columns as a JSON array,
// which is the same on every engine.
type copyRow struct {
	key     copyKey
	columns string
}

// copyTable is how one table is copied.
type copyTable struct {
	name string
	// subject formats a key: %[1]d is its user, %[2]q its id, %[3]s its day.
	subject string
	count   func(dbgen.Querier, context.Context) (int64, error)
	// after lists the next copyChunk rows after a key, in the order of keys. If it
	// lists fewer, they are the last.
	after func(context.Context, dbgen.Querier, copyKey) ([]copyRow, error)
	// put stores rows, given as a JSON array, replacing rows with the same keys.
	put    func(dbgen.Querier, context.Context, string) error
	remove func(context.Context, dbgen.Querier, copyKey) error
}

const settingsTable = "settings"

// copyTables are all tables except those of notCopied. A new column needs no change
// here, only in both engines' put.
var copyTables = []copyTable{
	{
		name: settingsTable, subject: "%[2]s",
		count: dbgen.Querier.CountSettings,
		after: listing(func(ctx context.Context, q dbgen.Querier, k copyKey) ([]dbgen.Setting, error) {
			return q.SettingsAfter(ctx, dbgen.SettingsAfterParams{AfterName: k.id, ExceptName: settingCopying, MaxRows: copyChunk})
		}, func(s dbgen.Setting) copyKey { return copyKey{id: s.Name} }),
		put:    dbgen.Querier.PutSettings,
		remove: func(ctx context.Context, q dbgen.Querier, k copyKey) error { return q.DeleteSetting(ctx, k.id) },
	},
	{
		name: "signal_fires", subject: "user %[1]d, signal %[2]q",
		count: dbgen.Querier.CountCopiedFires,
		after: listing(func(ctx context.Context, q dbgen.Querier, k copyKey) ([]dbgen.ReadableFire, error) {
			return q.FiresAfter(ctx, dbgen.FiresAfterParams{AfterUser: k.user, AfterSignal: k.id, MaxRows: copyChunk})
		}, func(f dbgen.ReadableFire) copyKey { return copyKey{user: f.UserID, id: f.SignalID} }),
		put: dbgen.Querier.PutFires,
		remove: func(ctx context.Context, q dbgen.Querier, k copyKey) error {
			return q.DeleteFire(ctx, dbgen.DeleteFireParams{UserID: k.user, SignalID: k.id})
		},
	},
	{
		name: "trades", subject: "user %[1]d, trade %[2]q",
		count: dbgen.Querier.CountCopiedTrades,
		after: listing(func(ctx context.Context, q dbgen.Querier, k copyKey) ([]dbgen.ReadableTrade, error) {
			return q.TradesAfter(ctx, dbgen.TradesAfterParams{AfterUser: k.user, AfterTrade: k.id, MaxRows: copyChunk})
		}, func(t dbgen.ReadableTrade) copyKey { return copyKey{user: t.UserID, id: t.TradeID} }),
		put: dbgen.Querier.PutTrades,
		remove: func(ctx context.Context, q dbgen.Querier, k copyKey) error {
			return q.DeleteTrade(ctx, dbgen.DeleteTradeParams{UserID: k.user, TradeID: k.id})
		},
	},
	{
		name: "user_stats", subject: "user %[1]d",
		count: dbgen.Querier.CountUsers,
		after: listing(func(ctx context.Context, q dbgen.Querier, k copyKey) ([]dbgen.UserStat, error) {
			from, any := k.next()
			if !any {
				return nil, nil
			}
			return q.UsersFrom(ctx, dbgen.UsersFromParams{FromUser: from, MaxRows: copyChunk})
		}, func(u dbgen.UserStat) copyKey { return copyKey{user: u.UserID} }),
		put: dbgen.Querier.PutUsers,
		remove: func(ctx context.Context, q dbgen.Querier, k copyKey) error {
			_, err := q.DeleteUserTotals(ctx, k.user)
			return err
		},
	},
	{
		name: "user_days", subject: "user %[1]d on %[3]s",
		count: dbgen.Querier.CountUserDays,
		after: listing(func(ctx context.Context, q dbgen.Querier, k copyKey) ([]dbgen.UserDay, error) {
			return q.UserDaysAfter(ctx, dbgen.UserDaysAfterParams{AfterUser: k.user, AfterDay: k.day, MaxRows: copyChunk})
		}, func(d dbgen.UserDay) copyKey { return copyKey{user: d.UserID, day: d.Day} }),
		put: dbgen.Querier.PutUserDays,
		remove: func(ctx context.Context, q dbgen.Querier, k copyKey) error {
			return q.DeleteUserDay(ctx, dbgen.DeleteUserDayParams{UserID: k.user, Day: k.day})
		},
	},
	{
		name: "signal_metrics", subject: "signal %[2]q",
		count: dbgen.Querier.CountSignals,
		after: listing(func(ctx context.Context, q dbgen.Querier, k copyKey) ([]dbgen.SignalMetric, error) {
			params := dbgen.SignalsAfterParams{AfterSignal: k.id, MaxRows: copyChunk}
			if k == firstKey {
				params.Inclusive = 1
			}
			return q.SignalsAfter(ctx, params)
		}, func(s dbgen.SignalMetric) copyKey { return copyKey{id: s.SignalID} }),
		put:    dbgen.Querier.PutSignals,
		remove: func(ctx context.Context, q dbgen.Querier, k copyKey) error { return q.DeleteSignal(ctx, k.id) },
	},
	{
		name: "signal_days", subject: "signal %[2]q on %[3]s",
		count: dbgen.Querier.CountSignalDays,
		after: listing(func(ctx context.Context, q dbgen.Querier, k copyKey) ([]dbgen.SignalDay, error) {
			return q.SignalDaysAfter(ctx, dbgen.SignalDaysAfterParams{AfterSignal: k.id, AfterDay: k.day, MaxRows: copyChunk})
		}, func(d dbgen.SignalDay) copyKey { return copyKey{id: d.SignalID, day: d.Day} }),
		put: dbgen.Querier.PutSignalDays,
		remove: func(ctx context.Context, q dbgen.Querier, k copyKey) error {
			return q.DeleteSignalDay(ctx, dbgen.DeleteSignalDayParams{SignalID: k.id, Day: k.day})
		},
	},
	{
		name: "days", subject: "%[3]s",
		count: dbgen.Querier.CountDays,
		after: listing(func(ctx context.Context, q dbgen.Querier, k copyKey) ([]dbgen.Day, error) {
			return q.DaysAfter(ctx, dbgen.DaysAfterParams{AfterDay: k.day, MaxRows: copyChunk})
		}, func(d dbgen.Day) copyKey { return copyKey{day: d.Day} }),
		put:    dbgen.Querier.PutDays,
		remove: func(ctx context.Context, q dbgen.Querier, k copyKey) error { return q.DeleteDay(ctx, k.day) },
	},
	{
		name: "streak_awards", subject: "user %[1]d, streak of %[3]s",
		count: dbgen.Querier.CountAwards,
		after: listing(func(ctx context.Context, q dbgen.Querier, k copyKey) ([]dbgen.StreakAward, error) {
			return q.AwardsAfter(ctx, dbgen.AwardsAfterParams{
				AfterUser: k.user, AfterStart: k.day, AfterMilestone: k.milestone, MaxRows: copyChunk,
			})
		}, func(a dbgen.StreakAward) copyKey {
			return copyKey{user: a.UserID, day: a.StreakStart, milestone: a.Milestone}
		}),
		put: dbgen.Querier.PutAwards,
		remove: func(ctx context.Context, q dbgen.Querier, k copyKey) error {
			return q.DeleteAward(ctx, dbgen.DeleteAwardParams{UserID: k.user, StreakStart: k.day, Milestone: k.milestone})
		},
	},
	{
		name: "streak_freezes", subject: "user %[1]d, freeze %[2]q",
		count: dbgen.Querier.CountFreezes,
		after: listing(func(ctx context.Context, q dbgen.Querier, k copyKey) ([]dbgen.StreakFreeze, error) {
			return q.FreezesAfter(ctx, dbgen.FreezesAfterParams{AfterUser: k.user, AfterGrant: k.id, MaxRows: copyChunk})
		}, func(f dbgen.StreakFreeze) copyKey { return copyKey{user: f.UserID, id: f.GrantID} }),
		put: dbgen.Querier.PutFreezes,
		remove: func(ctx context.Context, q dbgen.Querier, k copyKey) error {
			return q.DeleteFreeze(ctx, dbgen.DeleteFreezeParams{UserID: k.user, GrantID: k.id})
		},
	},
	{
		name: "custom_metrics", subject: "%[2]q",
		count: dbgen.Querier.CountMetrics,
		after: listing(func(ctx context.Context, q dbgen.Querier, k copyKey) ([]dbgen.CustomMetric, error) {
			return q.MetricsAfter(ctx, dbgen.MetricsAfterParams{AfterName: k.id, MaxRows: copyChunk})
		}, func(m dbgen.CustomMetric) copyKey { return copyKey{id: m.Name} }),
		put: dbgen.Querier.PutMetrics,
		remove: func(ctx context.Context, q dbgen.Querier, k copyKey) error {
			_, err := q.DeleteMetric(ctx, k.id)
			return err
		},
	},
	{
		name: "api_tokens", subject: "%[2]q",
		count: dbgen.Querier.CountTokens,
		after: listing(func(ctx context.Context, q dbgen.Querier, k copyKey) ([]dbgen.ApiToken, error) {
			return q.TokensAfter(ctx, dbgen.TokensAfterParams{AfterID: k.id, MaxRows: copyChunk})
		}, func(t dbgen.ApiToken) copyKey { return copyKey{id: t.ID} }),
		put: dbgen.Querier.PutTokens,
		remove: func(ctx context.Context, q dbgen.Querier, k copyKey) error {
			_, err := q.DeleteToken(ctx, k.id)
			return err
		},
	},
	{
		name: "public_users", subject: "user %[1]d",
		count: dbgen.Querier.CountPublicUsers,
		after: listing(func(ctx context.Context, q dbgen.Querier, k copyKey) ([]dbgen.PublicUser, error) {
			from, any := k.next()
			if !any {
				return nil, nil
			}
			return q.PublicUsersFrom(ctx, dbgen.PublicUsersFromParams{FromUser: from, MaxRows: copyChunk})
		}, func(u dbgen.PublicUser) copyKey { return copyKey{user: u.UserID} }),
		put:    dbgen.Querier.PutPublicUsers,
		remove: func(ctx context.Context, q dbgen.Querier, k copyKey) error { return q.DeletePublicUser(ctx, k.user) },
	},
}

// notCopied has the tables that are not copied, and why.
var notCopied = map[string]string{
	"goose_db_version": "it is of the migrations, which the target has had itself",
}

// named returns the name of a row of the table for an error.
func (t copyTable) named(k copyKey) string {
	return t.name + ": " + fmt.Sprintf(t.subject, k.user, k.id, Day(k.day))
}

// listing turns a query that returns a table's models into one that returns its rows
// as copyRows.
func listing[M any](
	find func(context.Context, dbgen.Querier, copyKey) ([]M, error), key func(M) copyKey,
) func(context.Context, dbgen.Querier, copyKey) ([]copyRow, error) {
	return func(ctx context.Context, q dbgen.Querier, after copyKey) ([]copyRow, error) {
		found, err := find(ctx, q, after)
		if err != nil {
			return nil, err
		}
		list := make([]copyRow, len(found))
		for i, model := range found {
			k := key(model)
			// Another program may have stored a key that is not text, which SQLite
			// lists in another order. Going on after it might never end.
			if k.compare(after) <= 0 {
				return nil, fmt.Errorf("%w: %T %+v is listed out of order", ErrCorrupt, model, model)
			}
			list[i], after = copyRow{k, columnsOf(model)}, k
		}
		return list, nil
	}
}

// columnsOf returns the columns of a model in their order, as a JSON array.
func columnsOf(model any) string {
	var columns jsonRows
	columns.begin()
	for _, field := range reflect.ValueOf(model).Fields() {
		switch v := field.Interface().(type) {
		case int64:
			columns.int(v)
		case float64:
			columns.float(v)
		case bool:
			columns.bool(v)
		case string:
			columns.str(v)
		case time.Time:
			columns.time(v)
		default:
			panic(fmt.Sprintf("cannot copy a column of type %T", v))
		}
	}
	return string(columns.text[1:]) + "]" // without the bracket of the list of rows
}
