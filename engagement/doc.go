// Package engagement is the database of a trading-signal community: who fired
// which signal, whether the order executed, what the trade made, and every
// figure that follows from that.
//
// A fact (a fire or a trade) and every counter that it moves are committed
// together or not at all. Facts are keyed by (user, signal) and (user, trade
// id), so any call may be repeated. Every counter can be recomputed from the
// facts: [DB.Verify] compares, [DB.Rebuild] restores.
//
// [DB] reads and writes. Its reads are those of [Reader], which also serves a
// snapshot ([DB.View]) and a transaction ([DB.Tx]).
package engagement
