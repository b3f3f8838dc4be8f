package yamlpos

import "strings"

// explanation puts an error of the YAML parser into words for people who do not know its grammar.
type explanation struct {
	starts        string // how the parser's message starts; the first that fits is taken
	message, hint string
}

// The parser says the same of a list item among keys and of a line that is no key at all.
const (
	itemAmongKeys = "a list item among keys"
	noKey         = "a line without `key:`"
	noKeyHint     = "write key: value, with a blank after the colon"
)

var explanations = []explanation{
	{"found character '\\t'", "a tab where blanks are expected", "indent with blanks"},
	{"found a tab character", "a tab where blanks are expected", "indent with blanks"},
	{"found character '\t'", "a tab where blanks are expected", "indent with blanks"},
	{"tab character cannot", "a tab where blanks are expected", "indent with blanks"},
	{"could not find end character of double-quoted", "the quote that opens here never closes", "add the closing \""},
	{"could not find end character of single-quoted", "the quote that opens here never closes", "add the closing '"},
	{"',' or '}' must be specified", "the { before is not closed", "add the } or the missing comma"},
	{"',' or ']' must be specified", "the [ before is not closed", "add the ] or the missing comma"},
	{"could not find flow mapping end", "the { is not closed", "add the }"},
	{"could not find flow map content", "the { is not closed", "add the }"},
	{"sequence end token", "the [ is not closed", "add the ]"},
	{"could not find '['", "a ] without its [", "remove it"},
	{"could not find '{'", "a } without its {", "remove it"},
	{"expected sequence element", "an item of the list is missing", "remove the comma, or write the item"},
	{"unexpected key name", noKey, noKeyHint},
	{"mapping value is not allowed", "a key cannot stand here", "check the indentation of the next line, or put a text with a colon in quotes"},
	{"block sequence entries are not allowed", "a list cannot start here", "start it on a line of its own, or write [a, b]; put a text that starts with - in quotes"},
	{"non-map value is specified", itemAmongKeys, "check the indentation of the -"},
	{"value is not allowed in this context", "this does not fit what stands before it", "keys of one mapping start in the same column; a text with quotes inside is quoted as a whole"},
	{"map key definition includes", "a key may not go over several lines", "check that the line before ends its value"},
	{"found an invalid key", "this cannot be a key", "a key is a plain word"},
	{"found unknown escape character", "an unknown escape in a \"text\"", "double the \\, or use ' instead of \""},
	{"found unexpected document separator", "a document ends inside a value", "remove the --- or ..."},
	{"value cannot be placed after document", "nothing may follow --- or ... on its line", "start a new line"},
}

// explain returns the message and the hint for a message of the parser; its own words where we have none.
func explain(message string) (string, string) {
	for _, e := range explanations {
		if strings.HasPrefix(message, e.starts) {
			return e.message, e.hint
		}
	}
	if c, ok := strings.CutSuffix(message, " is a reserved character"); ok {
		return "a value cannot start with " + strings.Trim(c, "'"), "put the text in quotes"
	}
	return "not YAML: " + message, notYAML
}
