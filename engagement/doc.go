// Package engagement is the database of a trading-signal community: who fired
// which signal, whether the order executed, what the trade made, and every
// figure that follows from that.
//
// A fact (a fire or a trade) and every counter that it moves are committed
// together or not at all. Facts are keyed by (user, signal) and (user, trade
// id), so any call may be repeated. Every counter can be recomputed from the
// facts: [DB.Verify] compares, [DB.Rebuild] restores.
//
// [Open] returns a [DB], which reads and writes; its doc comment lists all reads.
// They are those of [Reader], which also serves a snapshot ([DB.View]) and a
// transaction ([DB.Tx]). Lists come in pages ([Page], [All]). Errors are told
// apart with errors.Is, and a refused argument with errors.As ([InvalidError]).
//
// # Map of the files
//
// From the ground up: a function calls those of its own group and of the groups
// before it, which a test checks. What writes facts is record_…, what keeps the
// database in order is keep_…, and a figure is in the file of its name.
//
//	ground
//	  errors            the errors, and which of them an engine's code is
//	  check             refuses what cannot be stored
//	  enum              types of few named values, and their text
//	  outcome           how a trade ended
//	  day               calendar days
//	  window            ranges of days, all time, days and weeks as periods
//	  money             amounts: a float64 outside, whole millionths inside
//	  winrate           the bound by which win rates are compared
//	  page              pages, cursors, and reading a whole list
//	  walk              reading a whole table inside, some rows at a time
//	  json              JSON that callers write, with unknown fields refused
//	  jsonrows          rows as the JSON that statements about many rows take
//	  progress          telling how far a long operation is
//	  options           what Open can be told
//	ways in
//	  dsn               the names of databases, and what of one may be shown
//	  run               one operation: closed or not, tried again, logged
//	  reader            reading the latest state or a snapshot
//	  db                a handle and what it answers, closing
//	  tx                transactions, and a caller's own statements in them
//	  settings          what the database keeps of itself: time zone, horizon
//	  token             who may use the database over HTTP
//	  streak_rules      the rules that streaks go by
//	writing (how facts become counters)
//	  record_queue      callers share a commit; a batch from load to commit
//	  record_load       holds the users, reads the input of decide
//	  record_decide     finds all that changes, without the database
//	  record_store      writes what changes
//	facts (types, recording, look-ups, lists)
//	  fire              fires, and the status of a call
//	  trade             closed trades
//	  freeze            streak freezes
//	figures
//	  user              one user's totals and summary, all users
//	  public            whose own figures everybody may see
//	  signal            one signal's totals, how fast it was followed, all, the most fired
//	  today             today's figures
//	  days              figures of each day
//	  board             leaderboards, ranks, who is around a user
//	  board_order       the order of a board, stored or computed
//	  board_figures     users' figures of all time or a window
//	  versus            two users head to head
//	  streak            streaks, their days and their board
//	  streak_ending     ... and those that end today
//	  award             milestones that streaks have reached
//	  activity          daily, weekly and monthly active users, stickiness
//	  lifecycle         who comes, stays, comes back and goes
//	  cohort            how many new users come back
//	  hours             fires by hour of the week
//	  quality           how good trades were: profit factor, drawdown, equity
//	  forecast          how likely the next win is, and how good forecasts were
//	  metric            figures that a community defines: definitions
//	  metric_words      ... what is measured of what, for whom
//	  metric_check      what a definition may say
//	  metric_evaluate   what a definition comes to
//	  explain           the days and facts that a figure is made of
//	  export            everything kept about a user
//	upkeep
//	  open              opens and migrates, and starts the upkeep
//	  ready             whether the database can be used, and its size
//	  keep_adopt        counts what other programs stored
//	  keep_rows         reads rows that may contain anything, and places them
//	  keep_aside        rows that cannot be facts: set aside, listed, mended, deleted
//	  keep_rules        other streak rules, and counting all streaks by them
//	  keep_cleanup      deletes old fires, moves the horizon
//	  keep_erase        deletes a user
//	  keep_verify       compares the figures with what they derive from
//	  keep_verify_facts ... streaks with their days
//	  keep_verify_given ... and what was given by itself
//	  keep_verify_access ... and who may use the database over HTTP
//	  keep_verify_rows  finds facts that are not on their day, and moves them there
//	  keep_rebuild      puts right what is wrong
//	  keep_history      ... but takes no history away
//	  keep_origins      since when signals are there, and users were last active
//	  keep_backup       copies a file while it is in use
//	  keep_upkeep       notes when it was last verified and backed up
//	  keep_copy         copies to another engine
//	  keep_copy_target  ... the target: opened, marked as unfinished
//	  keep_copy_tables  ... table by table
//	on top
//	  compat            the predecessor's calls, on a shared database
package engagement
