package engagement_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// layer is a group of files in the map of doc.go.
type layer struct {
	name  string
	files []string
}

// layers reads the map of doc.go, from the ground up.
func layers(t *testing.T, doc string) (found []layer) {
	t.Helper()
	_, mapped, ok := strings.Cut(doc, "# Map of the files")
	if !ok {
		t.Fatal("doc.go has no map of the files")
	}
	group, file := regexp.MustCompile(`^(\w[\w ]*?)(?: \(|$)`), regexp.MustCompile(`^  (\w+) +\S`)
	for line := range strings.Lines(mapped) {
		line = strings.TrimRight(line, "\n")
		indented, isMap := strings.CutPrefix(line, "\t")
		if !isMap {
			continue
		}
		if m := file.FindStringSubmatch(indented); m != nil {
			last := &found[len(found)-1]
			last.files = append(last.files, m[1]+".go")
		} else if m := group.FindStringSubmatch(indented); m != nil {
			found = append(found, layer{name: m[1]})
		}
	}
	return found
}

// The map of doc.go is true: it has every file, and a function calls only
// functions of its own group and of those nearer the ground.
func TestCallsGoDown(t *testing.T) {
	fset := token.NewFileSet()
	parsed := map[string]*ast.File{}
	for _, name := range must(filepath.Glob("*.go"))(t) {
		if !strings.HasSuffix(name, "_test.go") {
			parsed[name] = must(parser.ParseFile(fset, name, nil, parser.ParseComments))(t)
		}
	}
	var files []*ast.File
	height := map[string]int{}
	var unmapped []string
	groups := layers(t, parsed["doc.go"].Doc.Text())
	for i, g := range groups {
		for _, name := range g.files {
			if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the map has %s, which is not there", name)
			}
			height[name] = i
		}
	}
	for name, f := range parsed {
		files = append(files, f)
		if _, mapped := height[name]; !mapped && name != "doc.go" {
			unmapped = append(unmapped, name)
		}
	}
	slices.Sort(unmapped)
	if diff := cmp.Diff([]string(nil), unmapped); diff != "" {
		t.Errorf("files that the map lacks (-want +got):\n%s", diff)
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	// What other packages export is not looked at, so that it need not be compiled.
	checker := types.Config{Importer: noImports{}, Error: func(error) {}}
	_, _ = checker.Check("engagement", fset, files, &info)
	fileOf := func(pos token.Pos) string { return filepath.Base(fset.Position(pos).Filename) }
	var up []string
	calls := 0
	for ident, object := range info.Uses {
		fn, isFunc := object.(*types.Func)
		if !isFunc || fn.Pkg() == nil || fn.Pkg().Path() != "engagement" {
			continue
		}
		calls++
		from, to := fileOf(ident.Pos()), fileOf(fn.Pos())
		if height[from] < height[to] {
			up = append(up, fset.Position(ident.Pos()).String()+" in "+groups[height[from]].name+" calls "+fn.Name()+" of "+to+" in "+groups[height[to]].name)
		}
	}
	slices.Sort(up)
	if calls < 1_000 {
		t.Fatalf("found only %d calls: the package was not understood", calls)
	}
	if len(up) > 0 {
		t.Errorf("calls that go up:\n%s", strings.Join(up, "\n"))
	}
}

// noImports knows no other package.
type noImports struct{}

func (noImports) Import(path string) (*types.Package, error) {
	return nil, errors.New("not imported: " + path)
}
