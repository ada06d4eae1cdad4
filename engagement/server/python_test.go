package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hydraxdev/engagementdb/engagement"
)

// pythons are the paths of Pythons by a module that they can import; "" if none can.
var pythons sync.Map

// pythonWith returns a Python that can import a module. Where there is none the test is
// skipped, unless the environment says that it must run.
func pythonWith(t *testing.T, module string) string {
	t.Helper()
	find := sync.OnceValue(func() string {
		for _, name := range []string{"python3", "/usr/bin/python3"} {
			if path, err := exec.Command(name, "-c", "import sys, "+module+"; print(sys.executable)").Output(); err == nil {
				return strings.TrimSpace(string(path))
			}
		}
		return ""
	})
	known, _ := pythons.LoadOrStore(module, find)
	path := known.(func() string)()
	switch {
	case path != "":
	case os.Getenv("ENGAGEMENT_TEST_PYTHON_MUST_RUN") == "1":
		t.Fatalf("no python3 has the module %s", module)
	default:
		t.Skipf("no python3 has the module %s", module)
	}
	return path
}

// startPython starts a program in New York that has the client's names, and returns what
// waits for its end and returns what it has printed. A warning makes it fail.
func startPython(t *testing.T, url, token, program string, args ...string) func() string {
	t.Helper()
	args = append([]string{"-W", "error", "-c", "from engagement_db import *\n" + program}, args...)
	cmd := exec.CommandContext(t.Context(), pythonWith(t, "ssl"), args...)
	cmd.Env = append(os.Environ(), "PYTHONPATH=../examples/python", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1",
		"TZ=America/New_York", "ENGAGEMENT_URL="+url, "ENGAGEMENT_TOKEN="+token)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	noError(t, cmd.Start())
	return func() string {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v\n%s%s", err, stdout.String(), stderr.String())
		}
		return stdout.String()
	}
}

func python(t *testing.T, url, token, program string, args ...string) string {
	t.Helper()
	return startPython(t, url, token, program, args...)()
}

func TestAPythonBotChangesItsImportAndNothingElse(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn, atNoon())
		a := serve(t, db)
		// The two programs that the module's documentation showed.
		got := python(t, a.url, a.token(engagement.ScopeRead, engagement.ScopeWrite), `
from engagement_db import record_user_signal_fire, get_user_engagement_data

def send_telegram_message(user_id, text):
    print(user_id, text)

def handle_signal_fire(user_id, signal_id):
    success = record_user_signal_fire(user_id=user_id, signal_id=signal_id, executed=True)
    if success:
        send_telegram_message(user_id, "Signal fired successfully!")

handle_signal_fire(12345, "EURUSD_LONG_001")

from engagement_db import update_user_performance

def on_trade_close(user_id, pnl, is_win):
    update_user_performance(user_id=user_id, pnl_change=pnl, is_win=is_win)

on_trade_close(12345, 150.75, True)
on_trade_close(12345, -50.25, False)
print(get_user_engagement_data(12345))
`)
		same(t, "printed", got, `12345 Signal fired successfully!
{'user_id': 12345, 'total_fires': 1, 'win_rate': 0.5, 'pnl': 100.5, 'recent_fires_7d': 1, `+
			`'favorite_signal': {'signal_id': 'EURUSD_LONG', 'fire_count': 1}, 'current_streak': 1, 'last_updated': '2026-01-14T07:00:00'}
`)
		stored := must(db.UserStats(t.Context(), 12345))(t)
		same(t, "stored", stored, engagement.UserStats{
			UserID: 12345, TotalFires: 1, Executed: 1, Wins: 1, Losses: 1, WinRate: 0.5, PnL: 100.5, LastUpdated: noon,
		})
	})
}

// Noon is 07:00 in New York.
func TestPythonCallsAnswerAsTheModuleDid(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn, atNoon())
		a := serve(t, db)
		for i, f := range []engagement.Fire{
			{UserID: 7, SignalID: "EURUSD_LONG_001", At: noon.Add(-26 * time.Hour), Executed: true},
			{UserID: 7, SignalID: "VENOM_XAUUSD_17", At: noon.Add(-time.Hour - 1200*time.Microsecond)},
			{UserID: 8, SignalID: "EURUSD_LONG_001", At: noon.Add(-25 * time.Hour)},
			{UserID: 9, SignalID: "EURUSD_LONG_001", At: noon.AddDate(0, 0, -40)},
		} {
			if r := must(db.RecordFire(t.Context(), f))(t); r.Status != engagement.Recorded {
				t.Errorf("fire %d: %s", i, r.Status)
			}
		}
		for i, trade := range []engagement.Trade{
			{UserID: 7, SignalID: "EURUSD_LONG_001", PnL: 12.5},
			{UserID: 7, SignalID: "VENOM_XAUUSD_17", PnL: 2},
			{UserID: 7, PnL: 1},
			{UserID: 8, SignalID: "EURUSD_LONG_001", PnL: -3},
		} {
			trade.TradeID, trade.ClosedAt = fmt.Sprint(i), noon.Add(-time.Duration(i+1)*time.Hour)
			must(db.RecordTrade(t.Context(), trade))(t)
		}
		const fire = `{"id": 1, "user_id": 7, "signal_id": "EURUSD_LONG_001", "timestamp": "2026-01-13T05:00:00", "executed": true}`
		const later = `{"id": 2, "user_id": 7, "signal_id": "VENOM_XAUUSD_17", "timestamp": "2026-01-14T05:59:59.998800", "executed": false}`
		const stats = `{"user_id": 7, "total_fires": 2, "win_rate": 1, "pnl": 15.5, "last_updated": "2026-01-14T07:00:00"}`
		const summary = `{"user_id": 7, "total_fires": 2, "win_rate": 1, "pnl": 15.5, "recent_fires_7d": 2,
			"favorite_signal": {"signal_id": "EURUSD_LONG", "fire_count": 1}, "current_streak": 2, "last_updated": "2026-01-14T07:00:00"}`
		const nobody = `{"user_id": 99, "total_fires": 0, "win_rate": 0, "pnl": 0, "recent_fires_7d": 0,
			"favorite_signal": {"signal_id": null, "fire_count": 0}, "current_streak": 0, "last_updated": null}`
		calls := []struct{ call, want string }{
			{`run_migration()`, `true`},
			{`db.initialize_database()`, `null`},
			{`db.ensure_db_directory()`, `null`},
			{`[f.to_dict() for f in db.get_user_signal_fires(7)]`, `[` + later + `, ` + fire + `]`},
			{`[f.to_dict() for f in db.get_user_signal_fires(7, limit=1)]`, `[` + later + `]`},
			{`db.get_user_signal_fires(99)`, `[]`},
			{`db.get_user_signal_fires(7, 0)`, `[]`},
			{`[f.user_id for f in db.get_signal_fires_by_signal("EURUSD_LONG_001", limit=2)]`, `[8, 7]`},
			{`[f.user_id for f in db.get_signal_fires_by_signal("EURUSD_LONG_001", -1)]`, `[8, 7, 9]`},
			{`in_pages_of_one(lambda: [f.user_id for f in db.get_signal_fires_by_signal("EURUSD_LONG_001", -1)])`, `[8, 7, 9]`},
			{`in_pages_of_one(lambda: [u["user_id"] for u in db.get_leaderboard(limit=2)])`, `[7, 8]`},
			{`db.get_signal_fires_by_signal("EURUSD_LONG")`, `[]`},
			{`db.get_user_stats(7).to_dict()`, stats},
			{`db.get_user_stats("7").to_dict()`, stats},
			{`db.get_user_stats(99)`, `null`},
			{`[type(db.get_user_stats(8).win_rate).__name__, type(get_user_engagement_data(99)["pnl"]).__name__]`, `["float", "float"]`},
			{`db.get_signal_metrics("EURUSD_LONG_001").to_dict()`,
				`{"signal_id": "EURUSD_LONG_001", "total_fires": 3, "active_users": 3, "created_at": "2025-12-05T07:00:00"}`},
			{`db.get_signal_metrics("GBPUSD")`, `null`},
			{`get_engagement_stats()`, `{"total_fires_today": 1, "active_users_today": 1, "avg_fires_per_user": 1, "execution_rate": 0,
				"most_fired_signal": {"signal_id": "VENOM_XAUUSD_17", "fire_count": 1}, "timestamp": "2026-01-14T07:00:00"}`},
			{`get_user_engagement_data(7)`, summary},
			{`get_user_engagement_data(99)`, nobody},
			{`db.get_leaderboard()`, `[
				{"user_id": 7, "total_fires": 2, "win_rate": 1, "pnl": 15.5, "last_updated": "2026-01-14 07:00:00"},
				{"user_id": 8, "total_fires": 1, "win_rate": 0, "pnl": -3, "last_updated": "2026-01-14 07:00:00"},
				{"user_id": 9, "total_fires": 1, "win_rate": 0, "pnl": 0, "last_updated": "2026-01-14 07:00:00"}]`},
			{`[u["user_id"] for u in db.get_leaderboard(metric="pnl", limit=2)]`, `[7, 9]`},
			{`db.get_leaderboard("win_rate")`, `[]`},
			{`without(db.export_user_data(7), "trades", "streak_awards", "streak_freezes", "public", "tokens")`,
				`{"user_stats": ` + stats + `, "signal_fires": [` + later + `, ` + fire + `], "engagement_summary": ` + summary + `,
				"export_timestamp": "2026-01-14T07:00:00"}`},
			{`len(db.export_user_data(7)["trades"])`, `3`},
			{`without(db.export_user_data(99), "export_timestamp")`, `{"user_stats": null, "signal_fires": [], "engagement_summary": ` + nobody + `}`},
			{`[without(t, "time_ago") for t in db.get_recent_winning_trades(7)]`, `[
				{"symbol": "EURUSD", "direction": "BUY", "entry_price": null, "tcs_score": null, "profit_amount": 12.5},
				{"symbol": "XAUUSD", "direction": null, "entry_price": null, "tcs_score": null, "profit_amount": 2},
				{"symbol": "UNKNOWN", "direction": null, "entry_price": null, "tcs_score": null, "profit_amount": 1}]`},
			{`[t["symbol"] for t in db.get_recent_winning_trades(7, limit=1)]`, `["EURUSD"]`},
			{`[engagement_db._ago(timedelta(minutes=m)) for m in (-5, 0, 1, 59, 60, 1439, 1440, 4000)]`,
				`["0 minutes ago", "0 minutes ago", "1 minute ago", "59 minutes ago", "1 hour ago", "23 hours ago", "1 day ago", "2 days ago"]`},
			{`[engagement_db._market(i) for i in ("A_SHORT", "SHORT", "V_GBPUSD_SELL_1", "")]`,
				`[["A", "SELL"], ["UNKNOWN", null], ["GBPUSD", "SELL"], ["UNKNOWN", null]]`},
			{`db.record_signal_fire(7, "EURUSD_LONG_001")`, `true`},
			{`record_user_signal_fire(7, "GBPUSD", executed=True)`, `true`},
			{`[f.executed for f in db.get_user_signal_fires(7)]`, `[true, false, true]`},
			{`[db.update_user_pnl(8, 5.25, trade_id="881") for _ in range(2)]`, `[true, true]`},
			{`update_user_performance(8, 0, False)`, `true`},
			{`db.get_user_stats(8).to_dict()`, `{"user_id": 8, "total_fires": 1, "win_rate": 0.5, "pnl": 2.25, "last_updated": "2026-01-14T07:00:00"}`},
			{`db.cleanup_old_data(days_to_keep=30)`, `1`},
			{`db.get_user_stats(9).total_fires`, `1`},
			{`db.close()`, `null`},
		}
		program := `
import engagement_db, json, unittest.mock
db = EngagementDatabase()

def in_pages_of_one(call):
    with unittest.mock.patch.object(engagement_db, "_LONGEST_PAGE", 1):
        return call()

def without(item, *keys):
    return {key: value for key, value in item.items() if key not in keys}
`
		for _, c := range calls {
			program += "print(json.dumps(" + c.call + "))\n"
		}
		lines := strings.Split(strings.TrimSpace(python(t, a.url, a.admin(), program)), "\n")
		if len(lines) != len(calls) {
			t.Fatalf("%d answers to %d calls", len(lines), len(calls))
		}
		for i, c := range calls {
			var got, want any
			noError(t, json.Unmarshal([]byte(lines[i]), &got))
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Errorf("%s: %v", c.want, err)
			}
			same(t, c.call, got, want)
		}
	})
}

// It is to run on Python 3.8, with nothing but the standard library.
func TestThePythonClientHasTheModulesSignatures(t *testing.T) {
	t.Parallel()
	got := python(t, "", "", `
import ast, engagement_db, inspect, sys

def show(name, function):
    parameters = inspect.signature(function).parameters.values()
    print(name, *[p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters if p.kind != p.KEYWORD_ONLY])

for name in vars(EngagementDatabase):
    if name == "__init__" or not name.startswith("_"):
        show("." + name, getattr(EngagementDatabase, name))
for name, function in vars(engagement_db).items():
    if inspect.isfunction(function) and function.__module__ == "engagement_db" and not name.startswith("_"):
        show(name, function)
for kind in SignalFire, UserStats, SignalMetrics:
    show(kind.__name__, kind)
for node in ast.walk(ast.parse(open(engagement_db.__file__).read(), feature_version=(3, 8))):
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    modules += [node.module] if isinstance(node, ast.ImportFrom) else []
    for name in modules:
        if name.split(".")[0] not in getattr(sys, "stdlib_module_names", [name]):
            print("it needs", name)
`)
	same(t, "signatures", got, `.__init__ self db_path='data/engagement.db'
.close self
.ensure_db_directory self
.get_connection self
.initialize_database self
.record_signal_fire self user_id signal_id executed=False
.get_user_signal_fires self user_id limit=100
.get_signal_fires_by_signal self signal_id limit=100
.get_user_stats self user_id
.update_user_pnl self user_id pnl_change is_win=True
.get_signal_metrics self signal_id
.get_real_time_engagement_stats self
.get_user_engagement_summary self user_id
.get_leaderboard self metric='total_fires' limit=10
.export_user_data self user_id
.get_recent_winning_trades self user_id limit=5
.cleanup_old_data self days_to_keep=90
run_migration
get_engagement_stats
record_user_signal_fire user_id signal_id executed=False
get_user_engagement_data user_id
update_user_performance user_id pnl_change is_win=True
SignalFire id=None user_id=None signal_id=None timestamp=None executed=False
UserStats user_id=None total_fires=0 win_rate=0.0 pnl=0.0 last_updated=None
SignalMetrics signal_id=None total_fires=0 active_users=0 created_at=None
`)
}

// Of the requests that record something, every other is carried out and its answer lost,
// and in the middle the server goes away for a while.
func TestPythonRepeatsACallThroughARestartWithoutCountingItTwice(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		db := openDB(t, dsn)
		first := must(New(db))(t)
		token := must(db.CreateToken(t.Context(), engagement.NewToken{Name: "test", Scopes: []engagement.Scope{engagement.ScopeWrite}}))(t).Secret
		var asked atomic.Int64
		losing := func(s *Server) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1)%2 == 1 {
					s.ServeHTTP(httptest.NewRecorder(), r)
					panic(http.ErrAbortHandler)
				}
				s.ServeHTTP(w, r)
			})
		}
		listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
		running := &http.Server{Handler: losing(first)}
		go func() { _ = running.Serve(listener) }()
		printed := startPython(t, "http://"+listener.Addr().String(), token, `
import concurrent.futures, logging
logging.disable()
db = EngagementDatabase()

def record(i):
    return db.record_signal_fire(i % 5 + 1, f"S{i}", executed=True) and db.update_user_pnl(i % 5 + 1, 1.5)

with concurrent.futures.ThreadPoolExecutor(4) as threads:
    print(sum(threads.map(record, range(50))))
db.close()
`)
		waitUntil(t, func() bool { return asked.Load() >= 40 })
		noError(t, first.Close())
		noError(t, running.Close())
		time.Sleep(200 * time.Millisecond) // in which nobody listens
		second := must(New(db))(t)
		again := must(net.Listen("tcp", listener.Addr().String()))(t)
		running = &http.Server{Handler: losing(second)}
		go func() { _ = running.Serve(again) }()
		t.Cleanup(func() {
			noError(t, second.Close())
			noError(t, running.Close())
		})
		got := printed()
		same(t, "calls that returned True", got, "50\n")
		if asked.Load() < 200 {
			t.Errorf("only %d requests", asked.Load())
		}
		for user := int64(1); user <= 5; user++ {
			stats := must(db.UserStats(t.Context(), user))(t)
			same(t, fmt.Sprint("user ", user), [3]any{stats.TotalFires, stats.Wins, stats.PnL}, [3]any{int64(10), int64(10), 15.0})
		}
	})
}

func TestPythonCarriesAnySignalId(t *testing.T) {
	forEachEngine(t, func(t *testing.T, dsn string) {
		a := serve(t, openDB(t, dsn))
		got := python(t, a.url, a.admin(), `
ids = ["<script>alert(1)</script>", "'; DROP TABLE signal_fires; --", '"', "\\", "%2F", "a/b", "..", ".", "a?b#c", "a&b=c", "a+b c",
       "\U0001F680 \u00e4\u05d0\u200f", "e\u0301", "x" * 256]
db = EngagementDatabase()
for user, name in enumerate(ids, start=1):
    db.record_signal_fire(user, name)
    db.update_user_pnl(user, 1, trade_id=name)
    metrics = db.get_signal_metrics(name)
    assert (metrics.signal_id, metrics.total_fires) == (name, 1), name
    assert [f.user_id for f in db.get_signal_fires_by_signal(name)] == [user], name
    export = db.export_user_data(user)
    assert [f["signal_id"] for f in export["signal_fires"]] == [name], name
    assert [t["trade_id"] for t in export["trades"]] == [name], name
for call in db.get_signal_metrics, db.get_signal_fires_by_signal, lambda name: db.record_signal_fire(1, name), \
        lambda name: db.update_user_pnl(1, 1, trade_id=name):
    for name in "", "a\nb", "\0", "\ud800", "x" * 257, 7:
        try:
            print(repr(name), "is taken:", call(name))
        except EngagementInvalid as error:
            assert error.kind == "invalid" and error.status == 400 and error.field in ("signal id", "trade id") and error.reason, vars(error)
db.close()
`)
		same(t, "printed", got, "")
	})
}

func TestPythonRaisesWhatTheServerSays(t *testing.T) {
	t.Parallel()
	a := serve(t, fileDB(t, atNoon()))
	for _, tt := range []struct{ name, token, call, want string }{
		{"a token that is not known", "engt_wrong", `record_user_signal_fire(1, "A")`, "EngagementError 401 unauthorized None the token is unknown, revoked or expired"},
		{"no token", "", `get_engagement_stats()`, "EngagementError 401 unauthorized None None"},
		{"a token of another scope", a.token(engagement.ScopeWrite), `get_engagement_stats()`, "EngagementError 403 forbidden None this needs other scopes: public"},
		{"a trade with other content", a.admin(), `[update_user_performance(1, p, trade_id="t") for p in (1, 2)]`,
			`EngagementError 409 conflict None record trade: trade "t" of user 1: conflict: P&L is stored as 1, got 2`},
		{"a user that cannot be", a.admin(), `get_user_engagement_data(0)`, "EngagementInvalid 400 invalid user id invalid user id 0: want a number other than 0"},
		{"a number that no file has", a.admin(), `EngagementDatabase().get_user_stats(1 << 70)`, `EngagementInvalid 400 invalid user`},
		{"a P&L that is no number", a.admin(), `update_user_performance(1, float("nan"))`, "EngagementInvalid 400 invalid body"},
		{"an unknown ranking", a.admin(), `EngagementDatabase().get_leaderboard("current_streak")`,
			"EngagementInvalid 400 invalid metric invalid metric 'current_streak': want total_fires, win_rate, pnl"},
		{"a cleanup that keeps nothing", a.admin(), `EngagementDatabase().cleanup_old_data(-1)`, "EngagementInvalid 400 invalid"},
		{"an address with more than the server's", a.admin(), `EngagementDatabase(url=url + "/v1").get_user_stats(5)`, "EngagementError 404 not-found"},
		{"an address that is none", a.admin(), `EngagementDatabase(url="localhost:8080")`, "ValueError"},
		{"a user that is no number", a.admin(), `get_user_engagement_data("me")`, "ValueError"},
		{"SQL", a.admin(), `EngagementDatabase().get_connection()`, "NotImplementedError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := python(t, a.url, tt.token, `
import os, pickle, warnings
warnings.simplefilter("ignore", ResourceWarning)
url, secret = os.environ["ENGAGEMENT_URL"], os.environ["ENGAGEMENT_TOKEN"]
try:
    print(`+tt.call+`)
except EngagementError as error:
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) and vars(again) == vars(error)
    assert not secret or secret not in str(error), error
    assert error.kind == "invalid" or error.request_id in str(error), error
    print(type(error).__name__, error.status, error.kind, error.field, error.detail)
except (ValueError, NotImplementedError) as error:
    print(type(error).__name__)
`)
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, want it to begin with %q", got, tt.want)
			}
		})
	}
}

func TestPythonWaitsAsLongAsItIsToldAndHelps(t *testing.T) {
	t.Parallel()
	problem := func(status int, kind, after string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"type": "urn:engagementdb:%s", "title": "T", "status": %d}`, kind, status)
		}
	}
	text := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	for _, tt := range []struct {
		name     string
		answer   http.HandlerFunc // until the last, which is good
		patience string
		want     string
		requests int64
		least    time.Duration
	}{
		{"a busy server that says when", problem(503, "busy", "1"), "5", "True", 2, time.Second},
		{"too many tries, as long as it says", problem(429, "too-many-requests", "1"), "5", "True", 2, time.Second},
		{"longer than the caller waits", problem(503, "closed", "60"), "5", "EngagementUnavailable 503 closed 60.0 T", 1, 0},
		{"a server that no waiting helps", problem(503, "denied", ""), "5", "EngagementError 503 denied T", 1, 0},
		{"no room", problem(507, "storage", ""), "5", "EngagementError 507 storage T", 1, 0},
		{"a proxy before a server that restarts", text(502, "<html>"), "5", "True", 2, 0},
		{"a proxy, for no longer than the caller waits", text(502, "<html>"), "0", "EngagementUnavailable 502  0 502 Bad Gateway", 1, 0},
		{"something else at the address", text(200, "<html>"), "5", "EngagementError None  the answer is not JSON; is URL the server's address?", 1, 0},
		{"a page that has moved", text(308, ""), "5", "EngagementError 308  308 Permanent Redirect", 1, 0},
		{"a connection that ends", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "5", "True", 2, 0},
		{"a connection that ends, with no patience", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "0",
			"EngagementUnavailable None  0 URL does not answer: RemoteDisconnected('Remote end closed connection without response')", 1, 0},
		{"an answer that never comes", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, "0",
			"EngagementUnavailable None  0 URL does not answer: ", 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if requests.Add(1) == 1 {
					tt.answer(w, r)
					return
				}
				_, _ = io.WriteString(w, `{"status": "recorded"}`)
			}))
			defer s.Close()
			began := time.Now()
			got := python(t, s.URL, "", `
import logging, sys
logging.disable()
db = EngagementDatabase(patience=float(sys.argv[1]), timeout=0.5)
try:
    print(db.record_signal_fire(1, "A"))
except EngagementUnavailable as error:
    print("EngagementUnavailable", error.status, error.kind, error.retry_after, error.title)
except EngagementError as error:
    print("EngagementError", error.status, error.kind, error.title)
db.close()
`, tt.patience)
			if !strings.HasPrefix(strings.ReplaceAll(got, s.URL, "URL"), tt.want) || requests.Load() != tt.requests || time.Since(began) < tt.least {
				t.Errorf("%d requests in %s: %s", requests.Load(), time.Since(began), got)
			}
		})
	}
}

func TestPythonKeepsItsConnection(t *testing.T) {
	t.Parallel()
	server := must(New(fileDB(t)))(t)
	defer func() { noError(t, server.Close()) }()
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(server)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	got := python(t, s.URL, "", `
import os, time, unittest.mock
db = EngagementDatabase()
for _ in range(20):
    db.initialize_database()
child = os.fork()
for _ in range(5):
    db.initialize_database()
if not child:
    os._exit(0)
print(os.waitpid(child, 0)[1])
later = time.monotonic() + 100
with unittest.mock.patch("time.monotonic", lambda: later):
    db.initialize_database()
db.close()
`)
	same(t, "printed", got, "0\n")
	same(t, "connections: the parent's, the child's, and one in place of that which was idle for long", opened.Load(), int64(3))
}
