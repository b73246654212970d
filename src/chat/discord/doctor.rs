//! Findings for `sayso doctor`: whether a bot is set up so that it can work.

use serde_json::Value;

use super::rest::{Call, Failure, Rest};
pub use crate::chat::findings::{Finding, Level};
use crate::settings::DiscordOptions;

/// Permissions that the bot needs in a channel, with what does not work without them
/// (Topics / Permissions / Bitwise Permission Flags).
const NEEDED: &[(u64, &str, &str)] = &[
    (
        1 << 10,
        "View Channel",
        "the bot neither sees nor answers anything",
    ),
    (1 << 11, "Send Messages", "the bot cannot answer"),
    (1 << 14, "Embed Links", "answers are plain text without buttons"),
    (1 << 15, "Attach Files", "long answers cannot be attached"),
    (
        1 << 16,
        "Read Message History",
        "commands given while the bot was away are not found",
    ),
    (
        1 << 38,
        "Send Messages in Threads",
        "the bot cannot answer in threads",
    ),
];
/// What the settings make the bot need, as bits and by name.
pub(super) fn asked_for(options: &DiscordOptions) -> (u64, Vec<&'static str>) {
    let threads = options
        .threads
        .then_some((CREATE_PUBLIC_THREADS, "Create Public Threads"));
    let all = NEEDED.iter().map(|(bit, name, _)| (*bit, *name)).chain(threads);
    all.fold((0, Vec::new()), |(bits, mut names), (bit, name)| {
        names.push(name);
        (bits | bit, names)
    })
}

const ADMINISTRATOR: u64 = 1 << 3;
const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
/// `GATEWAY_MESSAGE_CONTENT` and `GATEWAY_MESSAGE_CONTENT_LIMITED` (Resources / Application / Flags).
const CONTENT_FLAGS: u64 = 1 << 18 | 1 << 19;
/// Seconds that the clock may be wrong.
const CLOCK: i64 = 30;
/// Servers looked at.
const GUILDS: usize = 10;
/// Channels with something missing that are named.
const NAMED: usize = 5;

/// Looks at what a bot needs: its token, what the application may do, the connection, the permissions in its channels
/// and the clock.
pub async fn check(instance: &str, options: &DiscordOptions) -> Vec<Finding> {
    let mut found = Found {
        instance,
        findings: Vec::new(),
    };
    let token = match super::token(options) {
        Ok(token) => token,
        Err(reason) => {
            found.add(
                "token",
                Level::Bad,
                reason,
                "developer portal → your application → Bot → Reset Token",
            );
            return found.findings;
        }
    };
    let rest = match Rest::new(options.api_url.as_deref(), token) {
        Ok(rest) => rest,
        Err(reason) => {
            found.add("connection", Level::Bad, reason, "");
            return found.findings;
        }
    };
    let bot = match rest.call(Call::get("/users/@me")).await {
        Ok(bot) => bot,
        Err(Failure::Token) => {
            let hint =
                "developer portal → your application → Bot → Reset Token, then set SAYSO_DISCORD_TOKEN";
            found.add(
                "token",
                Level::Bad,
                "Discord does not take the token".to_owned(),
                hint,
            );
            return found.findings;
        }
        Err(error) => {
            let hint = "is the network open to discord.com, port 443?";
            found.add("connection", Level::Bad, error.to_string(), hint);
            return found.findings;
        }
    };
    let name = bot["username"]
        .as_str()
        .unwrap_or("a bot without a name")
        .to_owned();
    found.add("token", Level::Good, format!("the token is that of {name}"), "");
    if let Some(off) = rest.clock().filter(|off| off.abs() > CLOCK) {
        let text = format!("the clock of this machine is {} s away from Discord's", off.abs());
        found.add("clock", Level::Warning, text, "switch on time synchronisation");
    } else {
        found.add("clock", Level::Good, "the clock is right".to_owned(), "");
    }
    intents(&rest, options, &mut found).await;
    connection(&rest, &mut found).await;
    guilds(&rest, options, bot["id"].as_str().unwrap_or_default(), &mut found).await;
    found.findings
}

struct Found<'a> {
    instance: &'a str,
    findings: Vec<Finding>,
}

impl Found<'_> {
    fn add(&mut self, what: &str, level: Level, text: String, hint: &str) {
        self.findings.push(Finding {
            what: format!("discord.{}.{what}", self.instance),
            level,
            text,
            hint: hint.to_owned(),
        });
    }
}

async fn intents(rest: &Rest, options: &DiscordOptions, found: &mut Found<'_>) {
    let application = match rest.call(Call::get("/applications/@me")).await {
        Ok(application) => application,
        Err(error) => {
            found.add("application", Level::Warning, error.to_string(), "");
            return;
        }
    };
    let allowed = application["flags"].as_u64().unwrap_or(0) & CONTENT_FLAGS != 0;
    let (level, text, hint) = match (options.message_content, allowed) {
        (true, true) => (Level::Good, "the text of messages may be read", ""),
        (true, false) => (
            Level::Bad,
            "the settings ask for the text of messages, and the application may not have it: Discord refuses the connection",
            "developer portal → your application → Bot → switch on Message Content Intent, or set `message_content = false`",
        ),
        (false, _) => (
            Level::Good,
            "the text of messages is not asked for: mentions, direct messages and slash commands work",
            "",
        ),
    };
    found.add("message_content", level, text.to_owned(), hint);
    let id = options
        .application_id
        .as_deref()
        .or_else(|| application["id"].as_str());
    if let Some(id) = id.filter(|_| options.commands) {
        commands(rest, id, options, found).await;
    }
}

/// Whether slash commands are registered where the settings want them.
async fn commands(rest: &Rest, application: &str, options: &DiscordOptions, found: &mut Found<'_>) {
    let base = format!("/applications/{application}");
    let mut scopes: Vec<(String, String)> = options
        .guilds
        .iter()
        .take(GUILDS)
        .map(|guild| {
            (
                format!("{base}/guilds/{guild}/commands"),
                format!(" in the server {guild}"),
            )
        })
        .collect();
    if scopes.is_empty() {
        scopes.push((format!("{base}/commands"), String::new()));
    }
    for (path, place) in scopes {
        let (level, text, hint) = match rest.call(Call::get(path)).await {
            Ok(list) if list.as_array().is_some_and(|list| !list.is_empty()) => {
                let count = list.as_array().map_or(0, Vec::len);
                (Level::Good, format!("{count} commands are registered{place}"), "")
            }
            Ok(_) => (
                Level::Warning,
                format!("no commands are registered{place}"),
                "`sayso serve` registers them some seconds after it has connected; its log tells when Discord refuses",
            ),
            Err(error) => (
                Level::Warning,
                format!("registered commands{place} cannot be read: {error}"),
                "invite the bot with the scope `applications.commands`: `sayso discord invite`",
            ),
        };
        found.add("commands", level, text, hint);
    }
}

async fn connection(rest: &Rest, found: &mut Found<'_>) {
    match rest.call(Call::get("/gateway/bot")).await {
        Ok(answer) => {
            let left = answer["session_start_limit"]["remaining"].as_u64();
            match left {
                Some(left) if left < 10 => {
                    let hint = "something connects again and again; stop other processes with the same token";
                    found.add(
                        "gateway",
                        Level::Warning,
                        format!("only {left} connections are left for today"),
                        hint,
                    );
                }
                _ => found.add(
                    "gateway",
                    Level::Good,
                    "the gateway can be reached".to_owned(),
                    "",
                ),
            }
        }
        Err(error) => found.add("gateway", Level::Bad, error.to_string(), ""),
    }
}

async fn guilds(rest: &Rest, options: &DiscordOptions, bot: &str, found: &mut Found<'_>) {
    let guilds = match rest.call(Call::get("/users/@me/guilds")).await {
        Ok(guilds) => guilds.as_array().cloned().unwrap_or_default(),
        Err(error) => {
            found.add("servers", Level::Warning, error.to_string(), "");
            return;
        }
    };
    if guilds.is_empty() {
        let hint = "developer portal → your application → OAuth2 → URL Generator: scopes `bot` and `applications.commands`, open the address";
        found.add("servers", Level::Bad, "the bot is in no server".to_owned(), hint);
        return;
    }
    for wanted in &options.guilds {
        if !guilds.iter().any(|guild| guild["id"] == wanted.as_str()) {
            let text = format!("the settings name the server {wanted}, where the bot is not");
            found.add(
                "servers",
                Level::Warning,
                text,
                "invite the bot there, or correct `guilds`",
            );
        }
    }
    for guild in guilds.iter().take(GUILDS) {
        if let Err(error) = guild_channels(rest, options, bot, guild, found).await {
            let name = guild["name"].as_str().unwrap_or_default();
            found.add("servers", Level::Warning, format!("{name}: {error}"), "");
        }
    }
}

async fn guild_channels(
    rest: &Rest,
    options: &DiscordOptions,
    bot: &str,
    guild: &Value,
    found: &mut Found<'_>,
) -> Result<(), Failure> {
    let id = guild["id"].as_str().unwrap_or_default();
    let name = guild["name"].as_str().unwrap_or(id);
    let member = rest
        .call(Call::get(format!("/guilds/{id}/members/{bot}")))
        .await?;
    let roles = rest.call(Call::get(format!("/guilds/{id}/roles"))).await?;
    let channels = rest.call(Call::get(format!("/guilds/{id}/channels"))).await?;
    let mine: Vec<&str> = member["roles"]
        .as_array()
        .map(|roles| roles.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let base = roles
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter(|role| role["id"] == id || role["id"].as_str().is_some_and(|role| mine.contains(&role)))
        .fold(0, |all, role| all | bits(&role["permissions"]));
    let (mut looked_at, mut lacking) = (0, 0);
    for channel in channels.as_array().map_or(&[][..], Vec::as_slice) {
        let listed = channel["id"]
            .as_str()
            .is_some_and(|id| options.channels.iter().any(|it| it == id));
        if !matches!(channel["type"].as_u64(), Some(0 | 5)) || (!options.channels.is_empty() && !listed) {
            continue;
        }
        let allowed = permissions(base, id, bot, &mine, channel);
        // A channel that the bot does not see is none of its own, unless somebody wants it there.
        if allowed & NEEDED[0].0 == 0 && !listed {
            continue;
        }
        looked_at += 1;
        let mut missing: Vec<(&str, &str)> = NEEDED
            .iter()
            .filter(|(bit, ..)| allowed & bit == 0)
            .map(|(_, permission, loss)| (*permission, *loss))
            .collect();
        if options.threads && allowed & CREATE_PUBLIC_THREADS == 0 {
            missing.push(("Create Public Threads", "answers do not go to threads"));
        }
        let Some((_, loss)) = missing.first() else {
            continue;
        };
        lacking += 1;
        if lacking <= NAMED {
            let names: Vec<&str> = missing.iter().map(|(permission, _)| *permission).collect();
            let text = format!(
                "#{} in {name}: the bot lacks {}, so {loss}",
                channel["name"].as_str().unwrap_or_default(),
                names.join(", ")
            );
            let hint = "server settings → Roles → the bot's role, or the permissions of the channel";
            found.add("permissions", Level::Warning, text, hint);
        }
    }
    if lacking > NAMED {
        found.add(
            "permissions",
            Level::Warning,
            format!("{name}: the same in {} more channels", lacking - NAMED),
            "",
        );
    }
    if lacking == 0 && looked_at > 0 {
        found.add(
            "permissions",
            Level::Good,
            format!("{name}: the bot has what it needs in {looked_at} channels"),
            "",
        );
    }
    Ok(())
}

fn bits(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The permissions in a channel (Topics / Permissions / Permission Overwrites).
fn permissions(base: u64, guild: &str, bot: &str, roles: &[&str], channel: &Value) -> u64 {
    if base & ADMINISTRATOR != 0 {
        return u64::MAX;
    }
    let overwrites = channel["permission_overwrites"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let of = |fits: &dyn Fn(&str) -> bool| {
        overwrites
            .iter()
            .filter(|overwrite| overwrite["id"].as_str().is_some_and(fits))
            .fold((0, 0), |(deny, allow), overwrite| {
                (deny | bits(&overwrite["deny"]), allow | bits(&overwrite["allow"]))
            })
    };
    let everyone = of(&|id| id == guild);
    let by_role = of(&|id| roles.contains(&id));
    let own = of(&|id| id == bot);
    [everyone, by_role, own]
        .into_iter()
        .fold(base, |all, (deny, allow)| (all & !deny) | allow)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn overwrites_count_in_their_order() {
        let channel = json!({"permission_overwrites": [
            {"id": "1", "deny": "3072", "allow": "0"},
            {"id": "20", "deny": "0", "allow": "2048"},
            {"id": "9", "deny": "0", "allow": "1024"},
        ]});
        assert_eq!(permissions(3072 | 16384, "1", "9", &[], &channel), 16384 | 1024);
        assert_eq!(permissions(3072, "1", "9", &["20"], &channel), 3072);
        assert_eq!(permissions(ADMINISTRATOR, "1", "9", &[], &channel), u64::MAX);
    }
}
