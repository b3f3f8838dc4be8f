package schemas

import (
	"reflect"
	"strings"
	"testing"
)

func TestGrantContract(t *testing.T) {
	const want = "grant_id,program,program_version,member_id,rule,reward,amount,kind,source_type,source_id,earned_at," +
		"earned_on,posted_on,available_on,expires_on,reason"
	if got := strings.Join(GrantColumns(), ","); got != want {
		t.Errorf("columns:\n%s, want\n%s", got, want)
	}
	types := map[string]string{
		"program_version": "int32", "amount": "decimal(19, 4)", "earned_at": "timestamp[us, tz=UTC]", "earned_on": "date32",
		"posted_on": "date32", "available_on": "date32", "expires_on": "date32",
	}
	for i, f := range GrantFields() {
		a := GrantArrow().Field(i)
		wantType := types[f.Name]
		if wantType == "" {
			wantType = "utf8"
		}
		if a.Name != f.Name || a.Type.String() != wantType || a.Nullable != (f.Name == "expires_on") {
			t.Errorf("%s is %s, nullable %v", a.Name, a.Type, a.Nullable)
		}
		if f.Doc == "" {
			t.Errorf("%s is not described", f.Name)
		}
	}
}

// Every field of the manifest says what it is, and has a name in JSON.
func TestManifestFieldsAreDescribed(t *testing.T) {
	var check func(t reflect.Type)
	check = func(typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			if f.Tag.Get("doc") == "" || f.Tag.Get("json") == "" || strings.Contains(strings.TrimSuffix(f.Tag.Get("json"), ",omitempty"), ",") {
				t.Errorf("%s.%s has the tags %q", typ.Name(), f.Name, f.Tag)
			}
			next := f.Type
			if next.Kind() == reflect.Slice {
				next = next.Elem()
			}
			if next.Kind() == reflect.Struct {
				check(next)
			}
		}
	}
	check(reflect.TypeOf(Manifest{}))
}
