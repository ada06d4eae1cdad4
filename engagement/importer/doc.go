// Package importer brings in the trades that a community has made elsewhere: from the
// files that trading platforms export.
//
// [Import] reads a file and records its trades, and with [Options.Fires] a fire for each
// trade that has a signal. Since trades have keys, importing a file again, or one that
// has it in part, changes nothing. engagement/docs/import.md is its handbook.
//
// Map of the files, each of which uses only those before it:
//
//	options    what Import can be told
//	summary    what became of a file
//	zone       times of a file as times of the world
//	value      amounts, exactly
//	input      a file: where it is read from, its encoding, what it may be
//	pass       one reading of a file: its trades on their way into the database
//	table      the trades of a table, from its header to its end
//	layouts    what the tables of platforms look like
//	csv, html, xlsx   the rows of a file
//	freqtrade, freqtrade_db   freqtrade's JSON and its database
//	importer   Import
package importer
