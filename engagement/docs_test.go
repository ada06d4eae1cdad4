package engagement_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/hydraxdev/engagementdb/engagement"
)

// Since a DB has its reads from a Reader, go doc shows none of them but by this.
func TestTheDocOfADBLeadsToEveryRead(t *testing.T) {
	t.Parallel()
	source := string(must(os.ReadFile("db.go"))(t))
	_, source, _ = strings.Cut(source, "\n// DB is an open")
	doc, _, _ := strings.Cut(source, "\ntype DB struct")
	reader := reflect.TypeFor[*engagement.Reader]()
	for i := range reader.NumMethod() {
		if name := reader.Method(i).Name; !strings.Contains(doc, "[Reader."+name+"]") {
			t.Errorf("the doc comment of DB does not name Reader.%s", name)
		}
	}
}
