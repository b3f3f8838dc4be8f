package schemas

import _ "embed"

// ProgramJSON is the JSON Schema (draft 7) of program files, for editors. It knows keys, types and bounds; what one
// part of a file says about another (unknown tiers and rules, places of a cap) only the program package knows.
//
//go:embed program.schema.json
var ProgramJSON []byte

// AccrueJSON is the JSON Schema (draft 7) of accrue.yaml, for editors.
//
//go:embed accrue.schema.json
var AccrueJSON []byte
