<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Field, Snapshot};

/** The form of the configuration: what was loaded or typed, checked. */
final class ConfigForm
{
    /** @var array<string, string> by the field's name */
    public array $errors = [];
    /** What somebody else saved while this form was open. */
    public ?Snapshot $others = null;

    /** @param array<string, string> $values by the field's name */
    private function __construct(public int $sequence, public readonly array $values)
    {
    }

    /** The form of what is saved. */
    public static function of(Snapshot $config): self
    {
        return new self($config->sequence, self::values($config));
    }

    /**
     * The form as it was sent.
     *
     * @param array<mixed> $sent
     */
    public static function sent(array $sent): self
    {
        $text = fn (string $name): string => is_string($sent[$name] ?? null) ? trim($sent[$name]) : '';
        $values = array_map($text, ['interval' => 'interval', ...self::powerNames()]);
        return new self((int) $text('sequence'), $values);
    }

    /** @return array<string, string> */
    public static function values(Snapshot $config): array
    {
        $powers = array_combine(array_values(self::powerNames()), $config['rated_power']);
        return array_map(strval(...), ['interval' => $config['interval'], ...$powers]);
    }

    /** @return array<string, array{string, string}> label and unit by the field's name */
    public static function labels(): array
    {
        ['interval' => $interval, 'rated_power' => $power] = Boards::configSchema()->fields;
        $label = fn (string $name): array => ["$power->label, string " . substr($name, -1), $power->unit];
        return ['interval' => [$interval->label, $interval->unit], ...array_map($label, self::powerNames())];
    }

    /** The interval in seconds; notes an error if it is none. */
    public function interval(): float
    {
        return $this->number('interval', Boards::configSchema()->fields['interval']);
    }

    /** @return list<float> the rated power of each string in watts */
    public function ratedPower(): array
    {
        $field = Boards::configSchema()->fields['rated_power'];
        $power = fn (string $name): float => $this->number($name, $field);
        return array_map($power, array_values(self::powerNames()));
    }

    /** @return array<string, string> */
    public static function powerNames(): array
    {
        $names = array_map(fn (int $string): string => "rated_power_$string", range(1, Boards::STRINGS));
        return array_combine($names, $names);
    }

    private function number(string $name, Field $field): float
    {
        [$min, $max] = [$field->min, $field->max];
        $number = filter_var(str_replace(',', '.', $this->values[$name]), FILTER_VALIDATE_FLOAT);
        if ($number === false || $number < $min || $number > $max) {
            $this->errors[$name] = "a number from $min to $max $field->unit";
            return $min;
        }
        return $number;
    }
}
