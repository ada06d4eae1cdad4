package engagement_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	_ "github.com/mattn/go-sqlite3"
)

// generatedQuery is one query as sqlc has generated it.
type generatedQuery struct {
	name string
	text string
	args int  // what its method passes
	doc  bool // its method says what it does
	used bool // there is such a method
}

// generatedFiles parses the generated files whose names match pattern.
func generatedFiles(t *testing.T, pattern string) []*ast.File {
	t.Helper()
	paths := must(filepath.Glob(filepath.Join("..", "dbgen", pattern)))(t)
	files := make([]*ast.File, len(paths))
	for i, path := range paths {
		files[i] = must(parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments))(t)
	}
	if len(files) == 0 {
		t.Fatalf("no file matches %s", pattern)
	}
	return files
}

// generatedQueries returns every query of the generated code, so that none can
// be forgotten.
func generatedQueries(t *testing.T) map[string]*generatedQuery {
	t.Helper()
	queries := map[string]*generatedQuery{}
	files := generatedFiles(t, "*.sql.go")
	for _, file := range files {
		for _, decl := range file.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, spec := range group.Specs {
				constant := spec.(*ast.ValueSpec)
				text := must(strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value))(t)
				name := constant.Names[0].Name
				queries[name] = &generatedQuery{name: name, text: text}
			}
		}
	}
	for _, file := range files {
		for _, decl := range file.Decls {
			method, ok := decl.(*ast.FuncDecl)
			if !ok || method.Recv == nil {
				continue
			}
			ast.Inspect(method.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) < 2 {
					return true
				}
				// q.db.QueryContext(ctx, Name, the arguments...)
				name, ok := call.Args[1].(*ast.Ident)
				if !ok || queries[name.Name] == nil {
					return true
				}
				q := queries[name.Name]
				q.used, q.args, q.doc = true, len(call.Args)-2, strings.HasPrefix(method.Doc.Text(), name.Name+" ")
				return true
			})
		}
	}
	if len(queries) < 50 {
		t.Fatalf("found %d queries only", len(queries))
	}
	return queries
}

func TestGeneratedQueries(t *testing.T) {
	t.Parallel()
	path := freshFile(t)
	openAt(t, path)
	db := rawDB(t, path)

	for name, q := range generatedQueries(t) {
		t.Run(name, func(t *testing.T) {
			if !q.used {
				t.Error("no method runs it")
			}
			if !q.doc {
				t.Error("its method has no comment")
			}
			if strings.ContainsRune(q.text, '@') || strings.Contains(q.text, "sqlc.") {
				t.Errorf("a parameter was left in the text:\n%s", q.text)
			}
			if at := nonASCII(q.text); at >= 0 {
				t.Errorf("byte %d is not ASCII:\n%s", at, q.text)
			}
			if got := inputs(t, db, q.text); got != q.args {
				t.Errorf("the statement takes %d arguments and gets %d:\n%s", got, q.args, q.text)
			}
		})
	}
}

// inputs prepares a statement and returns how many arguments it takes.
func inputs(t *testing.T, db *sql.DB, query string) (n int) {
	t.Helper()
	conn := must(db.Conn(context.Background()))(t)
	defer conn.Close()
	noError(t, conn.Raw(func(driverConn any) error {
		stmt, err := driverConn.(interface {
			Prepare(string) (driver.Stmt, error)
		}).Prepare(query)
		if err != nil {
			return err
		}
		n = stmt.NumInput()
		return stmt.Close()
	}))
	return n
}

func nonASCII(text string) int {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}

func TestGeneratedTypes(t *testing.T) {
	t.Parallel()
	for _, file := range generatedFiles(t, "*.go") {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				return n.Name.Name != "DBTX"
			case *ast.InterfaceType:
				if len(n.Methods.List) == 0 {
					t.Errorf("%s: a type is interface{}: cast the column in the query", file.Name)
				}
			case *ast.Ident:
				if n.Name == "any" {
					t.Errorf("%s: a type is any: cast the column in the query", file.Name)
				}
			}
			return true
		})
	}
}

func TestSQLStaysWhereItBelongs(t *testing.T) {
	t.Parallel()

	t.Run("migrations and queries are ASCII, which sqlc needs", func(t *testing.T) {
		for _, dir := range []string{"migrations", "queries"} {
			noError(t, filepath.WalkDir(filepath.Join("..", dir), func(path string, entry os.DirEntry, err error) error {
				if err != nil || filepath.Ext(path) != ".sql" {
					return err
				}
				text, err := os.ReadFile(path)
				if at := nonASCII(string(text)); at >= 0 {
					t.Errorf("%s: byte %d is not ASCII", path, at)
				}
				return err
			}))
		}
	})

	t.Run("the facade holds none", func(t *testing.T) {
		statement := regexp.MustCompile(`\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP|PRAGMA|WHERE|ORDER BY|GROUP BY)\b`)
		for _, path := range must(filepath.Glob("*.go"))(t) {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file := must(parser.ParseFile(token.NewFileSet(), path, nil, 0))(t)
			ast.Inspect(file, func(n ast.Node) bool {
				if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && statement.MatchString(text.Value) {
					t.Errorf("%s: %s belongs into queries", path, text.Value)
				}
				return true
			})
		}
	})
}

// plan is how SQLite goes about a query.
type plan []string

func explain(t *testing.T, db *sql.DB, q *generatedQuery) (p plan) {
	t.Helper()
	args := make([]any, q.args)
	rows := must(db.Query("EXPLAIN QUERY PLAN "+q.text, args...))(t)
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		noError(t, rows.Scan(&id, &parent, &unused, &detail))
		p = append(p, detail)
	}
	noError(t, rows.Err())
	return p
}

func (p plan) has(step string) bool {
	return slices.ContainsFunc(p, func(detail string) bool { return strings.Contains(detail, step) })
}

func TestPlans(t *testing.T) {
	t.Parallel()
	// The rows that a query reads are bounded by the range of one index.
	plans := []struct {
		query string
		step  string
		sorts bool // what it sorts is bounded by that range
	}{
		{query: "UserFires", step: "SEARCH signal_fires USING INDEX idx_signal_fires_user_id (user_id=? AND timestamp<?)"},
		{query: "SignalFires", step: "SEARCH signal_fires USING INDEX idx_signal_fires_signal_id (signal_id=? AND timestamp<?)"},
		{query: "FavoriteFamily", step: "SEARCH signal_fires USING COVERING INDEX sqlite_autoindex_signal_fires_1 (user_id=?)", sorts: true},

		{query: "Trades", step: "SEARCH trades USING INDEX idx_trades_closed_at (closed_at<?)"},
		{query: "UserTrades", step: "SEARCH trades USING INDEX idx_trades_user_closed_at (user_id=? AND closed_at<?)"},
		{query: "OutcomeTrades", step: "SEARCH trades USING INDEX idx_trades_outcome_closed_at (outcome=? AND closed_at<?)"},
		{query: "UserOutcomeTrades", step: "SEARCH trades USING INDEX idx_trades_user_closed_at (user_id=? AND closed_at<?)"},
		{query: "TradesByKey", step: "SEARCH t USING INDEX sqlite_autoindex_trades_1 (user_id=? AND trade_id=?)"},
		{query: "FiresAfter", step: "SEARCH signal_fires USING INDEX sqlite_autoindex_signal_fires_1 (user_id>?)"},
		{query: "TradesAfter", step: "SEARCH trades USING INDEX sqlite_autoindex_trades_1 (user_id>?)"},

		{query: "TopByFires", step: "SEARCH user_stats USING INDEX idx_user_stats_total_fires (total_fires<?)"},
		{query: "TopByWinBound", step: "SEARCH user_stats USING INDEX idx_user_stats_win_bound (win_bound<?)"},
		{query: "TopByExecuted", step: "SEARCH user_stats USING INDEX idx_user_stats_executed (executed<?)"},
		{query: "TopByLongestStreak", step: "SEARCH user_stats USING INDEX idx_user_stats_longest (streak_longest<?)"},
		{query: "TopByPnL", step: "SEARCH user_stats USING INDEX idx_user_stats_pnl (pnl<?)"},
		{query: "CountWithMoreFires", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_total_fires (total_fires>?)"},
		{query: "CountWithHigherWinBound", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_win_bound (win_bound>?)"},
		{query: "CountWithMoreExecuted", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_executed (executed>?)"},
		{query: "CountWithLongerStreak", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_longest (streak_longest>?)"},
		{query: "UsersWithoutBound", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_win_bound (win_bound<?)"},
		{query: "CountUsersWithoutBound", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_win_bound (win_bound<?)"},
		{query: "UsersFrom", step: "SEARCH user_stats USING INTEGER PRIMARY KEY (rowid>?)"},
		{query: "CountWithMorePnL", step: "SEARCH user_stats USING COVERING INDEX idx_user_stats_pnl (pnl>?)"},

		{query: "GetDay", step: "SEARCH days USING INTEGER PRIMARY KEY (rowid=?)"},
		{query: "DaysBetween", step: "SEARCH days USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
		{query: "TopSignalOfDay", step: "SEARCH signal_days USING COVERING INDEX idx_signal_days_day_fires (day=? AND fires>?)"},
		{query: "PopularSignals", step: "SEARCH signal_days USING INDEX idx_signal_days_day_fires (day>? AND day<?)", sorts: true},

		{query: "StreaksUntil", step: "SEARCH user_stats USING INDEX idx_user_stats_streak (streak_until=?)"},
		{query: "StreakEnds", step: "SEARCH u USING COVERING INDEX idx_user_stats_streak (streak_until>?)", sorts: true},
		{query: "UserActiveDays", step: "SEARCH user_days USING PRIMARY KEY (user_id=? AND day>?)"},
		{query: "ActivityOfUsers", step: "SEARCH d USING PRIMARY KEY (user_id=? AND day>?)", sorts: true},
		{query: "ActivityOfUsers", step: "SEARCH f USING PRIMARY KEY (user_id=?)", sorts: true},
		{query: "SpendFreezes", step: "SEARCH f USING PRIMARY KEY (user_id=? AND grant_id=?)"},
		{query: "InsertAwards", step: "SEARCH a USING PRIMARY KEY (user_id=? AND streak_start<?)"},
		{query: "LockUsersFrom", step: "SEARCH user_stats USING INTEGER PRIMARY KEY (rowid>?)"},
		{query: "UserFreezes", step: "SEARCH streak_freezes USING PRIMARY KEY (user_id=?)", sorts: true},
		{query: "UserAwards", step: "SEARCH streak_awards USING PRIMARY KEY (user_id=?)"},
		{query: "FreezesAfter", step: "SEARCH streak_freezes USING PRIMARY KEY (user_id>?)"},
		{query: "UserRecentFires", step: "SEARCH user_days USING PRIMARY KEY (user_id=? AND day>? AND day<?)"},
		{query: "GetUserStats", step: "SEARCH user_stats USING INTEGER PRIMARY KEY (rowid=?)"},
		{query: "GetSignalMetrics", step: "SEARCH signal_metrics USING INDEX sqlite_autoindex_signal_metrics_1 (signal_id=?)"},

		{query: "UncountedFires", step: "USING INDEX idx_signal_fires_uncounted"},
		{query: "CountUncountedFires", step: "USING INDEX idx_signal_fires_uncounted"},
		{query: "UncountedTrades", step: "USING INDEX idx_trades_uncounted"},
		{query: "CountUncountedTrades", step: "USING INDEX idx_trades_uncounted"},

		{query: "CountFiresBefore", step: "SEARCH signal_fires USING INDEX idx_signal_fires_timestamp (timestamp<?)"},
		{query: "DeleteFiresBefore", step: "SEARCH f USING INDEX idx_signal_fires_timestamp (timestamp<?)"},
		{query: "DeleteUserFires", step: "SEARCH signal_fires USING"},
		{query: "DeleteUserTrades", step: "SEARCH trades USING"},
		{query: "DeleteUserDays", step: "SEARCH user_days USING PRIMARY KEY (user_id=?)"},
	}
	queries := generatedQueries(t)
	scan := regexp.MustCompile(`SCAN (signal_fires|trades|user_stats|user_days|signal_days|signal_metrics|days|f)\b`)
	partial := regexp.MustCompile(`USING (COVERING )?INDEX idx_\w+_uncounted`)

	for _, state := range []struct {
		name  string
		reach func(t *testing.T, path string)
	}{
		{"on an empty database", func(t *testing.T, path string) { openAt(t, path) }},
		{"on a database with facts and statistics", func(t *testing.T, path string) {
			copyFixture(t, settled, path)
			openAt(t, path)
			execute(t, path, "ANALYZE")
		}},
	} {
		t.Run(state.name, func(t *testing.T) {
			t.Parallel()
			path := freshFile(t)
			state.reach(t, path)
			db := rawDB(t, path)
			for _, want := range plans {
				t.Run(want.query, func(t *testing.T) {
					q := queries[want.query]
					if q == nil {
						t.Fatal("there is no such query")
					}
					p := explain(t, db, q)
					if !p.has(want.step) {
						t.Errorf("want a step %q", want.step)
					}
					for _, detail := range p {
						// What is in a partial index is all that the query is about.
						if scan.MatchString(detail) && !partial.MatchString(detail) {
							t.Errorf("it reads a whole table: %s", detail)
						}
					}
					if p.has("USE TEMP B-TREE FOR ORDER BY") && !want.sorts {
						t.Error("it sorts")
					}
					if t.Failed() {
						t.Logf("the plan is:\n%s", strings.Join(p, "\n"))
					}
				})
			}
		})
	}
}
