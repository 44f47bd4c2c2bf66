"""What is unsafe, slow or superfluous in a filter, found before an attacker finds it. No line of a log comes here."""
