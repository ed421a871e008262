//! How the OpenID provider is set up, and what a person's groups are worth here.

use chatops_schemas::event::ctl::Role;
use secrecy::SecretString;

/// How the OpenID provider is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its address; `/.well-known/openid-configuration` lies below it.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// Proves that it is us.
    pub client_secret: Option<SecretString>,
    /// What the button on the sign-in page says.
    pub name: String,
    /// What is asked for, besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that lists the groups.
    pub group_claim: String,
    /// Group → role.
    pub roles: Vec<(String, Role)>,
    /// The role of people without a group of the list; `None`: they do not get in.
    pub default_role: Option<Role>,
}

impl Settings {
    /// The highest role that these groups give.
    pub fn mapped(&self, groups: &[String]) -> Option<Role> {
        self.roles
            .iter()
            .filter(|(group, _)| groups.contains(group))
            .map(|(_, role)| *role)
            .max_by_key(|role| rank(*role))
    }

    /// The same, or the role of people without such a group.
    pub fn role(&self, groups: &[String]) -> Option<Role> {
        self.mapped(groups).or(self.default_role)
    }
}

const fn rank(role: Role) -> u8 {
    match role {
        Role::Owner => 4,
        Role::Admin => 3,
        Role::Operator => 2,
        Role::Viewer => 1,
        Role::Unknown => 0,
    }
}

/// Reads `group=role, group=role`; the error is the part that is neither. Owners are not made by a provider.
pub fn roles(text: &str) -> Result<Vec<(String, Role)>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            // A group may hold the sign, a role does not.
            let (group, name) = part.rsplit_once('=').ok_or_else(|| part.to_owned())?;
            let role = role(name).ok_or_else(|| part.to_owned())?;
            Ok((group.trim().to_owned(), role))
        })
        .collect()
}

/// A role that a provider may give.
pub fn role(name: &str) -> Option<Role> {
    match Role::parse(name.trim()) {
        Role::Owner | Role::Unknown => None,
        role => Some(role),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(map: &str, default_role: Option<Role>) -> Settings {
        Settings {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            name: String::new(),
            scopes: Vec::new(),
            group_claim: "groups".to_owned(),
            roles: roles(map).unwrap(),
            default_role,
        }
    }

    #[test]
    fn the_highest_role_of_all_groups_counts() {
        let groups = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        let settings = settings("staff=viewer, ops=operator,cn=admins=admin", None);
        assert_eq!(settings.role(&groups(&["cn=admins"])), Some(Role::Admin));
        assert_eq!(settings.role(&groups(&["staff"])), Some(Role::Viewer));
        assert_eq!(
            settings.role(&groups(&["staff", "ops", "other"])),
            Some(Role::Operator)
        );
        assert_eq!(settings.role(&groups(&["Ops"])), None);
        assert_eq!(settings.role(&[]), None);
    }

    #[test]
    fn a_default_is_for_those_without_a_group_and_nobody_becomes_owner() {
        let with = settings("ops=operator", Some(Role::Viewer));
        assert_eq!(with.role(&[]), Some(Role::Viewer));
        for wrong in ["ops", "ops=owner", "ops=", "ops=root"] {
            assert_eq!(roles(wrong), Err(wrong.to_owned()));
        }
        assert_eq!(roles(" , "), Ok(Vec::new()));
    }
}
