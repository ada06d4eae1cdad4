package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hydraxdev/engagementdb/engagement"
)

// The exit codes.
const (
	exitOK = iota
	exitFailure
	exitUsage // the command line is wrong, or a value in it was refused
)

// app is one run of the command: its persistent flags and its clock.
type app struct {
	dsn      string
	timezone string
	json     bool
	verbose  bool
	now      func() time.Time
	// running says that the command line was understood; an error before that
	// is about the command line.
	running bool
}

// run runs the command line args, without the program's name, and returns the
// exit code.
func (a *app) run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	root := a.rootCommand()
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	addCompletion(root)
	root.SetArgs(numbersAsArguments(root, args))
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		printError(errOut, "interrupted")
		return exitFailure
	case !a.running:
		printError(errOut, withoutDSNs(fmt.Sprintf("%v (see: %s --help)", err, cmd.CommandPath()), args))
		return exitUsage
	}
	printError(errOut, withoutDSNs(err.Error(), args))
	if errors.Is(err, engagement.ErrInvalid) {
		return exitUsage
	}
	return exitFailure
}

// withoutDSNs hides arguments that may contain a password from a message. They were
// given in the wrong place, so the message quotes them like any argument, perhaps cut
// short.
func withoutDSNs(message string, args []string) string {
	for _, arg := range args {
		_, value, _ := strings.Cut(arg, "=")
		for _, text := range []string{strings.TrimLeft(arg, "-"), value} {
			shown := engagement.RedactDSN(text)
			if shown == text {
				continue
			}
			quoted := strings.Trim(strconv.Quote(text), `"`)
			message = strings.NewReplacer(text, shown, quoted, shown).Replace(message)
			if i := strings.Index(message, quoted[:min(len(quoted), shortest)]); i >= 0 {
				message = message[:i] + shown
			}
		}
	}
	return message
}

// shortest is how many characters of a long argument a message shows at least.
const shortest = 32

// lines joins the lines of a message, of which drivers begin some with a tab.
var lines = strings.NewReplacer(":\n\t", ": ", "\n\t", "; ", "\n", "; ")

// printError prints a message as one line, so that programs can read it.
func printError(w io.Writer, message string) {
	fmt.Fprintln(w, "engagement: "+lines.Replace(message))
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "engagement",
		Short: "The engagement database of a trading-signal community",
		Long: `engagement keeps who fired which trading signal, whether the order executed and
what the trade made, and knows every figure that follows: live stats, win rates,
profit and loss, leaderboards, streaks and daily activity.

To fire a signal is to act on it. Every call may be repeated safely: a fire is
known by its user and signal, a trade by its user and trade id.

Exit codes: 0 done, 1 failed, 2 the command line is wrong or a value was refused.`,
		Example: `  engagement demo                                   see what it knows, on made-up data
  engagement migrate                                make the database
  engagement fire 12345 EURUSD_LONG_001 --executed
  engagement trade 12345 mt5-881 150.75 --signal EURUSD_LONG_001
  engagement user 12345`,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SilenceErrors: true,
		SilenceUsage:  true,

		SuggestionsMinimumDistance: 2,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.dsn, "db", "", "the database: a `FILE`, or the URL of a PostgreSQL database (default $ENGAGEMENT_DB or "+engagement.DefaultPath+")")
	flags.StringVar(&a.timezone, "timezone", "", "the time `ZONE` of days in a new database, such as Europe/Berlin (default UTC)")
	flags.BoolVar(&a.json, "json", false, "print JSON, for programs")
	flags.BoolVar(&a.verbose, "verbose", false, "log every operation to stderr")

	for _, group := range a.groups() {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.title
			root.AddCommand(cmd)
		}
	}
	a.noteRunning(root.Commands())
	return root
}

// group is the commands that help lists under one title.
type group struct {
	title    string
	commands []*cobra.Command
}

// groups are all commands of ours, as help shows them; cobra sorts those of a
// group by name, and lists its own (completion, help) below all groups.
func (a *app) groups() []group {
	return []group{
		{"Begin:", []*cobra.Command{a.demoCommand(), a.migrateCommand(), a.importCommand()}},
		{"Record what happens:", []*cobra.Command{a.fireCommand(), a.tradeCommand(), a.freezeCommand()}},
		{"Ask about the community:", []*cobra.Command{
			a.statsCommand(), a.dailyCommand(), a.activityCommand(), a.lifecycleCommand(), a.cohortsCommand(), a.hoursCommand(),
			a.leaderboardCommand(), a.usersCommand(), a.signalsCommand(), a.popularCommand(), a.firesCommand(), a.tradesCommand(),
		}},
		{"Ask about a user or a signal:", []*cobra.Command{
			a.userCommand(), a.signalCommand(), a.rankCommand(), a.versusCommand(), a.streakCommand(),
			a.qualityCommand(), a.forecastCommand(), a.explainCommand(), a.exportCommand(),
		}},
		{"Define figures of your own:", []*cobra.Command{a.metricCommand()}},
		{"Show it to others:", []*cobra.Command{a.serveCommand(), a.tokenCommand(), a.publicCommand()}},
		{"Keep the database in order:", []*cobra.Command{
			a.verifyCommand(), a.rebuildCommand(), a.asideCommand(), a.backupCommand(), a.copyCommand(), a.cleanupCommand(), a.eraseCommand(),
		}},
	}
}

// noteRunning makes the commands and their subcommands set a.running when they start.
func (a *app) noteRunning(commands []*cobra.Command) {
	for _, cmd := range commands {
		a.noteRunning(cmd.Commands())
		body := cmd.RunE
		if body == nil {
			continue
		}
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.running = true
			return body(cmd, args)
		}
	}
}

// addCompletion adds cobra's command for shell completion, which writes to what
// is root's stdout now, and lets it refuse a shell that it does not know instead
// of showing its help.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

// knownCommand refuses an unknown command. Cobra's own message has several lines.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message := fmt.Sprintf("unknown command %q", args[0])
	if similar := root.SuggestionsFor(args[0]); len(similar) > 0 {
		message += ", did you mean " + strings.Join(similar, " or ") + "?"
	}
	return errors.New(message)
}

var negativeNumber = regexp.MustCompile(`^-\.?[0-9]`)

// numbersAsArguments moves the arguments of a command after its flags and a "--" if
// one of them is a negative number, which would otherwise be read as a flag.
func numbersAsArguments(root *cobra.Command, args []string) []string {
	cmd, rest, err := root.Find(args)
	if err != nil || cmd == root || !slices.ContainsFunc(rest, negativeNumber.MatchString) {
		return args
	}
	var flags, arguments []string
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		if arg == "--" {
			arguments = append(arguments, rest[i+1:]...)
			break
		}
		if !strings.HasPrefix(arg, "-") || negativeNumber.MatchString(arg) {
			arguments = append(arguments, arg)
			continue
		}
		flags = append(flags, arg)
		flag := cmd.Flag(strings.TrimPrefix(arg, "--")) // nil for --name=value
		if flag != nil && flag.NoOptDefVal == "" && i+1 < len(rest) {
			i++
			flags = append(flags, rest[i])
		}
	}
	names := strings.Fields(cmd.CommandPath())[1:]
	return slices.Concat(names, flags, []string{"--"}, arguments)
}

// path is the database that the command line or the environment names.
func (a *app) path(cmd *cobra.Command) string {
	if cmd.Flags().Changed("db") {
		return a.dsn
	}
	if path := os.Getenv("ENGAGEMENT_DB"); path != "" {
		return path
	}
	return engagement.DefaultPath
}
