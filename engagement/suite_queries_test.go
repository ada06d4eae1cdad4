package engagement_test

import (
	"context"
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

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
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

// generated is where sqlc's output for each engine is.
var generated = map[string]string{
	"sqlite":   filepath.Join("..", "dbgen"),
	"postgres": filepath.Join("..", "dbgen", "pggen"),
}

// generatedFiles parses the generated files of an engine whose names match
// pattern.
func generatedFiles(t *testing.T, engine, pattern string) []*ast.File {
	t.Helper()
	paths := must(filepath.Glob(filepath.Join(generated[engine], pattern)))(t)
	files := make([]*ast.File, len(paths))
	for i, path := range paths {
		files[i] = must(parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments))(t)
	}
	if len(files) == 0 {
		t.Fatalf("no file matches %s", pattern)
	}
	return files
}

// generatedQueries returns every query of the code generated for an engine, so
// that none can be forgotten.
func generatedQueries(t *testing.T, engine string) map[string]*generatedQuery {
	t.Helper()
	queries := map[string]*generatedQuery{}
	files := generatedFiles(t, engine, "*.sql.go")
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
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.migrated(t)
			openAt(t, dsn)
			inputs := sqliteInputs(t, dsn)
			if e.name == "postgres" {
				inputs = postgresInputs(t, dsn)
			}
			for name, q := range generatedQueries(t, e.name) {
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
					if got := inputs(t, q.text); got != q.args {
						t.Errorf("the statement takes %d arguments and gets %d:\n%s", got, q.args, q.text)
					}
				})
			}
		})
	}
}

// TestQueriesArePortable compares what the engines run. Only the queries in
// queries/sqlite and queries/postgres may differ.
func TestQueriesArePortable(t *testing.T) {
	t.Parallel()
	forked := map[string]bool{}
	name := regexp.MustCompile(`(?m)^-- name: (\w+) `)
	for _, path := range must(filepath.Glob(filepath.Join("..", "queries", "*", "*.sql")))(t) {
		text := string(must(os.ReadFile(path))(t))
		for _, match := range name.FindAllStringSubmatch(text, -1) {
			forked[match[1]] = true
		}
		if got, want := strings.Count(text, "\n-- Not portable: "), len(name.FindAllString(text, -1)); got != want {
			t.Errorf("%s: %d of %d queries say why they are not portable", path, got, want)
		}
	}
	sqlite, postgres := generatedQueries(t, "sqlite"), generatedQueries(t, "postgres")
	dollar := regexp.MustCompile(`\$(\d+)`)
	for name, q := range sqlite {
		other := postgres[name]
		switch {
		case forked[name]:
		case other == nil:
			t.Errorf("PostgreSQL has no %s", name)
		default:
			same(t, name, dollar.ReplaceAllString(other.text, "?$1"), q.text)
		}
	}
	for name := range postgres {
		if sqlite[name] == nil && !forked[name] {
			t.Errorf("SQLite has no %s", name)
		}
	}
}

// sqliteInputs returns what prepares a statement and tells how many arguments it
// takes.
func sqliteInputs(t *testing.T, path string) func(t *testing.T, query string) int {
	t.Helper()
	db := rawDB(t, path)
	return func(t *testing.T, query string) (n int) {
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
}

// postgresInputs is sqliteInputs for PostgreSQL, which also must know the type
// of every argument and column.
func postgresInputs(t *testing.T, dsn string) func(t *testing.T, query string) int {
	t.Helper()
	conn := must(pgx.Connect(context.Background(), dsn))(t)
	t.Cleanup(func() { noError(t, conn.Close(context.Background())) })
	return func(t *testing.T, query string) int {
		t.Helper()
		statement := must(conn.Prepare(context.Background(), "", query))(t)
		types := slices.Clone(statement.ParamOIDs)
		for _, column := range statement.Fields {
			types = append(types, column.DataTypeOID)
		}
		if slices.Contains(types, 0) || slices.Contains(types, pgtype.UnknownOID) {
			t.Errorf("something has no type:\n%s", query)
		}
		return len(statement.ParamOIDs)
	}
}

func nonASCII(text string) int {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}

func TestGeneratedTypes(t *testing.T) {
	t.Parallel()
	var files []*ast.File
	for engine := range generated {
		files = append(files, generatedFiles(t, engine, "*.go")...)
	}
	for _, file := range files {
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
