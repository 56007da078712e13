"""`api-base doctor`: the effective configuration, without secrets, and whether each configured service answers."""

import typer


def doctor() -> None:
    """Show the configuration and try every service. Exit code 1 where something is wrong."""
    import asyncio

    from api_base.bootstrap.configuration import load
    from api_base.operations.diagnosis import configuration_lines, diagnose
    from api_base.serving.resolving import database

    settings, contexts = load()
    print("\n".join(configuration_lines(settings)))
    with database(settings) as urls:
        findings = asyncio.run(diagnose(settings, urls, contexts))
    for finding in findings:
        print(f"{'ok  ' if finding.well else 'FAIL'}  {finding.what}: {finding.detail}")
    raise typer.Exit(0 if all(finding.well for finding in findings) else 1)
