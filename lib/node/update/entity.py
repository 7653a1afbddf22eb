"""How Home Assistant shows updates: as an entity of its platform `update`."""

from json import dumps

# Two releases may differ in their serial alone, and that, as 0.3.0+12 has it, is no difference to
# Home Assistant. So the serial stands behind the version: then any other text is another version.
_STATE = (
    "{% set s = value_json %}"
    "{% set i = s.version.split('+')[0] ~ ' (' ~ s.serial ~ ')' %}"
    "{{ {'installed_version': i, 'latest_version': "
    "s.latest.split('+')[0] ~ ' (' ~ s.offered ~ ')'"
    " if s.latest is defined and s.state != 'refused' else i, "
    "'update_percentage': s.percent | default(none), "
    "'in_progress': s.percent is defined or s.state == 'trying', "
    "'release_summary': s.error | default('')} | to_json }}"
)


def pairs(prefix, commands):
    """Return what follows its name in the discovery; commands: whether it can be installed."""
    line = ',"ent_cat":"%s","dev_cla":"firmware","stat_t":"%supdate/state","val_tpl":%s' % (
        "config" if commands else "diagnostic", prefix, dumps(_STATE),
    )  # fmt: skip
    if commands:
        line += ',"cmd_t":"%scmd/update","pl_inst":"install"' % prefix
    return line
